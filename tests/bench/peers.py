"""The servers that are measured: how each is configured and started. Each gets one worker, no access log, the same
folder and the same certificate, one port for http and one for https; otherwise it is as its package makes it."""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

START_S = 10
STOP_S = 5
LISTEN = "127.0.0.1"
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class BenchError(Exception):
    """What stops the measurement: one line for whoever runs it."""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind((LISTEN, 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def end_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Site:
    """What all servers serve, and where their configurations go."""

    def __init__(self, folder, scripts):
        self.folder = Path(folder)
        self.folder.chmod(0o755)
        self.root = self.folder / "site"
        self.root.mkdir()
        self.files = {}
        for name, size in (("1k.txt", 1024), ("64k.txt", 65536)):
            line = b"%07d of a file whose bytes are checked, not only counted\n"
            data = b"".join(line % i for i in range(size // 60 + 1))[:size]
            (self.root / name).write_bytes(data)
            self.files[name] = data
        subprocess.run(
            [scripts / "mkcert.sh", "--dir", self.folder / "certs"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        self.cert = self.folder / "certs" / "localhost.pem"
        self.key = self.folder / "certs" / "localhost-key.pem"
        self.ca = self.folder / "certs" / "ca.pem"


class Peer:
    """A server: find() says whether it is installed, command() writes its configuration and says how to run it."""

    name = ""
    program = ""
    needs = ()

    def __init__(self, site):
        self.site = site
        self.process = None
        self.http = self.https = 0
        self.tls = {}

    @classmethod
    def path(cls):
        return shutil.which(cls.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")

    @classmethod
    def missing(cls):
        """What is not there; '' where it can be measured."""
        if not cls.path():
            return cls.program or cls.name
        return next((need for need in cls.needs if not Path(need).exists()), "")

    def version(self):
        raise NotImplementedError

    def command(self, home):
        raise NotImplementedError

    def ask_version(self, option):
        done = subprocess.run([self.path(), option], capture_output=True, text=True, check=False)
        words = (done.stdout + done.stderr).replace("/", " ").replace(",", " ").split()
        return next((w for w in words if w[:1].isdigit()), "?")

    def start(self):
        home = self.site.folder / self.name
        home.mkdir(exist_ok=True)
        self.http, self.https = free_ports(2)
        command = [str(word) for word in self.command(home)]
        with open(home / "output", "wb") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=home,
                preexec_fn=end_with_parent,
            )
        end = time.monotonic() + START_S
        for port in (self.http, self.https):
            while not self.answers(port):
                if self.process.poll() is not None or time.monotonic() > end:
                    said = (home / "output").read_text(errors="replace")[-2000:]
                    self.stop()
                    raise BenchError(f"{self.name} did not start:\n{said}")
                time.sleep(0.02)

    @staticmethod
    def answers(port):
        try:
            socket.create_connection((LISTEN, port), timeout=1).close()
            return True
        except OSError:
            return False

    def stop(self):
        if not self.process:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


class Postern(Peer):
    name = "postern"
    binary = ""

    @classmethod
    def path(cls):
        return cls.binary if os.access(cls.binary, os.X_OK) else ""

    def version(self):
        return self.ask_version("--version")

    def knows(self, option):
        """An older build, to compare with, may not."""
        return option in subprocess.run([self.path(), "--help"], capture_output=True, text=True, check=False).stdout

    def command(self, home):
        return [
            self.binary,
            *(["--no-tickets"] if self.knows("--no-tickets") else []),
            *("--http", f"{LISTEN}:{self.http}", "--https", f"{LISTEN}:{self.https}"),
            *("--cert", self.site.cert, "--key", self.site.key),
            *("--workers", "1", "--no-log", "--limit", "idle_ms=60000", self.site.root),
        ]


class Base(Postern):
    """Another build of postern, to see what a change did."""

    name = "base"


class Nginx(Peer):
    name = "nginx"
    program = "nginx"
    extra = ""

    def version(self):
        return self.ask_version("-v")

    def command(self, home):
        config = home / "nginx.conf"
        config.write_text(f"""
worker_processes 1;
master_process off;
daemon off;
pid {home}/pid;
error_log {home}/error.log error;
events {{ worker_connections 20000; }}
http {{
    access_log off;
    default_type text/plain;
    sendfile on;
    keepalive_requests 1000000000;
    keepalive_timeout 60s;
    client_body_temp_path {home}; proxy_temp_path {home}; fastcgi_temp_path {home};
    uwsgi_temp_path {home}; scgi_temp_path {home};
    ssl_certificate {self.site.cert};
    ssl_certificate_key {self.site.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_tickets off;
    ssl_session_cache off;
    {self.extra}
    server {{
        listen {LISTEN}:{self.http};
        listen {LISTEN}:{self.https} ssl;
        root {self.site.root};
    }}
}}
""")
        return [self.path(), "-p", home, "-e", home / "error.log", "-c", config]


class NginxCached(Nginx):
    """With its cache of open files, which looks at a file once a minute only: not the default."""

    name = "nginx-cached"
    extra = "open_file_cache max=1000;"


class H2o(Peer):
    name = "h2o"
    program = "h2o"

    def version(self):
        return self.ask_version("--version")

    def command(self, home):
        config = home / "h2o.conf"
        config.write_text(f"""
user: {pwd.getpwuid(os.getuid()).pw_name}
num-threads: 1
num-name-resolution-threads: 1
max-connections: 20000
http1-request-timeout: 60
tcp-fastopen: 0
error-log: {home}/error.log
ssl-session-resumption:
  mode: off
hosts:
  default:
    listen:
      host: {LISTEN}
      port: {self.http}
    paths: &paths
      /:
        file.dir: {self.site.root}
  secure:
    listen:
      host: {LISTEN}
      port: {self.https}
      ssl:
        certificate-file: {self.site.cert}
        key-file: {self.site.key}
        neverbleed: OFF
    paths: *paths
""")
        return [self.path(), "-c", config]


class Lighttpd(Peer):
    name = "lighttpd"
    program = "lighttpd"
    module = "mod_openssl"
    needs = ("/usr/lib/lighttpd/mod_openssl.so",)
    no_tickets = 'ssl.openssl.ssl-conf-cmd = ("Options" => "-SessionTicket")'

    def version(self):
        return self.ask_version("-v")

    def command(self, home):
        config = home / "lighttpd.conf"
        config.write_text(f"""
server.modules = ("{self.module}")
server.document-root = "{self.site.root}"
server.bind = "{LISTEN}"
server.port = {self.http}
server.errorlog = "{home}/error.log"
server.max-connections = 20000
server.max-fds = 20000
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 60
mimetype.assign = ("" => "text/plain")
$SERVER["socket"] == "{LISTEN}:{self.https}" {{
    ssl.engine = "enable"
    ssl.pemfile = "{self.site.cert}"
    ssl.privkey = "{self.site.key}"
    {self.no_tickets}
}}
""")
        return [self.path(), "-D", "-f", config]


class LighttpdMbedtls(Lighttpd):
    name = "lighttpd-mbedtls"
    module = "mod_mbedtls"
    needs = ("/usr/lib/lighttpd/mod_mbedtls.so",)
    no_tickets = 'ssl.openssl.ssl-conf-cmd = ("Options" => "-SessionTicket")'


ALL = (Postern, Base, Nginx, NginxCached, H2o, Lighttpd, LighttpdMbedtls)
# Measured where nothing else is asked for.
USUAL = ("postern", "base", "nginx", "h2o", "lighttpd", "lighttpd-mbedtls")
