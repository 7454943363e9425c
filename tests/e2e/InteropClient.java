import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Scanner;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/**
 * What test_interop.py asks of Java's HttpsURLConnection. Arguments: the files of the bodies. Each line of
 * standard input is a case: URL, version, mode, CA, and a PKCS #12 store or "-"; each is answered by a line,
 * "ok" or what went wrong.
 */
public final class InteropClient {
    /** Counts the certificates it is shown: a resumed session shows none. */
    private static final class Counting implements X509TrustManager {
        final X509TrustManager real;
        int shown;

        Counting(X509TrustManager real) {
            this.real = real;
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String kind) throws CertificateException {
            real.checkClientTrusted(chain, kind);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String kind) throws CertificateException {
            shown++;
            real.checkServerTrusted(chain, kind);
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return real.getAcceptedIssuers();
        }
    }

    /** Sockets of one version of TLS. */
    private static final class Narrow extends SSLSocketFactory {
        final SSLSocketFactory real;
        final String version;
        int made;

        Narrow(SSLSocketFactory real, String version) {
            this.real = real;
            this.version = version;
        }

        private Socket narrow(Socket socket) {
            made++;
            ((SSLSocket) socket).setEnabledProtocols(new String[] {version});
            return socket;
        }

        @Override
        public String[] getDefaultCipherSuites() {
            return real.getDefaultCipherSuites();
        }

        @Override
        public String[] getSupportedCipherSuites() {
            return real.getSupportedCipherSuites();
        }

        @Override
        public Socket createSocket(Socket s, String host, int port, boolean close) throws IOException {
            return narrow(real.createSocket(s, host, port, close));
        }

        @Override
        public Socket createSocket(String host, int port) throws IOException {
            return narrow(real.createSocket(host, port));
        }

        @Override
        public Socket createSocket(String host, int port, InetAddress local, int localPort) throws IOException {
            return narrow(real.createSocket(host, port, local, localPort));
        }

        @Override
        public Socket createSocket(InetAddress host, int port) throws IOException {
            return narrow(real.createSocket(host, port));
        }

        @Override
        public Socket createSocket(InetAddress host, int port, InetAddress local, int localPort)
                throws IOException {
            return narrow(real.createSocket(host, port, local, localPort));
        }
    }

    private static Counting trust(String ca) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream in = new FileInputStream(ca)) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(store);
        return new Counting((X509TrustManager) factory.getTrustManagers()[0]);
    }

    private static KeyManager[] keys(String file) throws Exception {
        if (file.equals("-"))
            return null;
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = new FileInputStream(file)) {
            store.load(in, "interop".toCharArray());
        }
        KeyManagerFactory factory = KeyManagerFactory.getInstance("PKIX");
        factory.init(store, "interop".toCharArray());
        return factory.getKeyManagers();
    }

    private static void post(String url, SSLSocketFactory factory, byte[] body, boolean last) throws IOException {
        HttpsURLConnection c = (HttpsURLConnection) new URL(url).openConnection();
        c.setSSLSocketFactory(factory);
        c.setRequestMethod("POST");
        c.setRequestProperty("Content-Type", "application/octet-stream");
        if (last)
            c.setRequestProperty("Connection", "close");
        c.setDoOutput(true);
        c.setFixedLengthStreamingMode(body.length);
        try (OutputStream out = c.getOutputStream()) {
            out.write(body);
        }
        if (c.getResponseCode() != 200)
            throw new IOException("status " + c.getResponseCode());
        try (InputStream in = c.getInputStream()) {
            if (!Arrays.equals(in.readAllBytes(), body))
                throw new IOException("another body came back for " + body.length + " bytes");
        }
    }

    private static void expect(String what, int expected, int found) throws IOException {
        if (found != expected)
            throw new IOException(what + ": " + found + " instead of " + expected);
    }

    private static void run(String[] words, byte[][] bodies) throws Exception {
        Counting trust = trust(words[3]);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys(words[4]), new TrustManager[] {trust}, null);
        Narrow factory = new Narrow(context.getSocketFactory(), "TLSv" + words[1]);
        boolean resumes = words[2].equals("resumed");
        if (resumes)
            post(words[0], factory, new byte[0], true);
        for (int i = 0; i < bodies.length; i++)
            post(words[0], factory, bodies[i], i == bodies.length - 1);
        expect("connections", resumes ? 2 : 1, factory.made);
        expect("certificates shown", 1, trust.shown);
    }

    public static void main(String[] args) throws IOException {
        byte[][] bodies = new byte[args.length][];
        for (int i = 0; i < args.length; i++)
            bodies[i] = Files.readAllBytes(Path.of(args[i]));
        Scanner lines = new Scanner(System.in);
        while (lines.hasNextLine()) {
            try {
                run(lines.nextLine().split(" "), bodies);
                System.out.println("ok");
            } catch (Exception e) {
                System.out.println(e.toString().replace('\n', ' '));
            }
        }
    }
}
