"""The other servers that are measured, and how each is configured: one worker, no access log, the same folder and the same
certificate, one port for http and one for https, keep-alive without end; otherwise it is as its package makes it."""

import json
import os
import pwd
from pathlib import Path

from peers import LISTEN, Base, Peer, Postern


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
    ssl_session_tickets {'on' if self.tickets else 'off'};
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
handshake-timeout: 60
tcp-fastopen: 0
error-log: {home}/error.log
ssl-session-resumption:
  mode: {'ticket' if self.tickets else 'off'}
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
    ssl.openssl.ssl-conf-cmd = ("Options" => "{'+' if self.tickets else '-'}SessionTicket")
}}
""")
        return [self.path(), "-D", "-f", config]


class LighttpdMbedtls(Lighttpd):
    name = "lighttpd-mbedtls"
    module = "mod_mbedtls"
    needs = ("/usr/lib/lighttpd/mod_mbedtls.so",)


class Apache(Peer):
    """With its event MPM: one process. While all of its threads are busy it closes connections that are kept alive: so
    there are more than the load has connections."""

    name = "apache"
    program = "apache2"
    threads = 64
    modules = Path("/usr/lib/apache2/modules")
    needs = (modules / "mod_ssl.so", modules / "mod_mpm_event.so")

    def version(self):
        return self.ask_version("-v")

    def command(self, home):
        loads = "".join(f"LoadModule {name}_module {self.modules}/mod_{name}.so\n" for name in ("mpm_event", "authz_core", "ssl"))
        # As root it needs somebody to be instead.
        user = "User nobody\nGroup nogroup" if os.getuid() == 0 else ""
        config = home / "apache.conf"
        config.write_text(f"""
{loads}
{user}
ServerRoot {home}
DefaultRuntimeDir {home}
PidFile {home}/pid
ServerName localhost
ErrorLog {home}/error.log
LogLevel crit
StartServers 1
ServerLimit 1
ThreadLimit {self.threads}
ThreadsPerChild {self.threads}
MaxRequestWorkers {self.threads}
AsyncRequestWorkerFactor 200
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
DocumentRoot {self.site.root}
SSLSessionCache none
SSLSessionTickets {'on' if self.tickets else 'off'}
Listen {LISTEN}:{self.http}
Listen {LISTEN}:{self.https}
<VirtualHost {LISTEN}:{self.https}>
    SSLEngine on
    SSLCertificateFile {self.site.cert}
    SSLCertificateKeyFile {self.site.key}
</VirtualHost>
""")
        return [self.path(), "-D", "FOREGROUND", "-f", config]


class Caddy(Peer):
    name = "caddy"
    program = "caddy"

    def version(self):
        return self.ask_version("version")

    def environment(self, home):
        return {"GOMAXPROCS": "1", "HOME": str(home), "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home)}

    def command(self, home):
        def door(port, **more):
            files = {"handler": "file_server", "root": str(self.site.root)}
            return {"listen": [f"{LISTEN}:{port}"], "routes": [{"handle": [files]}], "idle_timeout": "60s",
                    "protocols": ["h1", "h2"], "automatic_https": {"disable": True}, **more}

        config = home / "caddy.json"
        config.write_text(json.dumps({
            "admin": {"disabled": True, "config": {"persist": False}},
            "logging": {"logs": {"default": {"level": "ERROR"}}},
            "apps": {
                "http": {"servers": {
                    "plain": door(self.http),
                    "secure": door(self.https, tls_connection_policies=[{"default_sni": "localhost"}]),
                }},
                "tls": {
                    "certificates": {"load_files": [{"certificate": str(self.site.cert), "key": str(self.site.key)}]},
                    "session_tickets": {"disabled": not self.tickets},
                },
            },
        }))
        return [self.path(), "run", "--config", config]


ALL = (Postern, Base, Nginx, NginxCached, H2o, Lighttpd, LighttpdMbedtls, Apache, Caddy)
# Measured where nothing else is asked for.
USUAL = tuple(peer.name for peer in ALL if peer is not NginxCached)
# Those that issue 5 compares with: of OpenSSL's servers the fastest.
RIVALS = ("nginx", "h2o", "lighttpd")
