#!/usr/bin/env python3
"""What a check can meet: servers that are good, slow, redirecting, lying, huge, and badly certified.

web.py DIRECTORY: serves on 127.0.0.1, with the certificates in DIRECTORY (good, expired, selfsigned, othername: .crt and
.key). Says "ready" on standard output when all ports are open.
"""
import http.server, os, socket, socketserver, ssl, sys, threading, time

directory = sys.argv[1]


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b"hello, please log in", **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_CONNECT(self):
        host, port = self.path.rsplit(":", 1)
        there = socket.create_connection((host, int(port)))
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n")
        pump(self.connection, there)
        self.close_connection = True

    def do_GET(self):
        self.close_connection = True
        path = self.path
        if path.startswith("http://"):
            return self.answer(200, b"by proxy: " + path.encode())
        if path.startswith("/status/"):
            return self.answer(int(path.rsplit("/", 1)[1]))
        if path == "/redirect":
            return self.answer(302, b"", Location="/ok")
        if path == "/loop":
            return self.answer(301, b"", Location="loop")
        if path == "/away":
            return self.answer(302, b"", Location="ftp://elsewhere/")
        if path == "/host":
            return self.answer(200, self.headers["Host"].encode())
        if path == "/auth":
            good = self.headers.get("Authorization") in ("Basic bWU6czNjcmV0", "Bearer t0ken")
            return self.answer(200 if good else 401)
        if path == "/slow":
            time.sleep(30)
        if path == "/late":
            time.sleep(0.3)
        if path == "/drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
            for _ in range(6):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
            return None
        if path == "/huge":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            try:
                for _ in range(4096):
                    self.wfile.write(b"x" * 65536)
            except OSError:
                pass
            return None
        if path == "/headers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X-Junk: " + b"y" * 300000 + b"\r\n\r\n")
            return None
        if path == "/lying":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort")
            return None
        if path == "/garbage":
            self.wfile.write(b"\x00\xff garbage \r\n\r\n")
            return None
        if path == "/nothing":
            return None
        return self.answer(200, Last_Modified="Sun, 06 Nov 1994 08:49:37 GMT")

    do_HEAD = do_GET

    def do_POST(self):
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(200, b"got " + body)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, address):
        pass


def serve(port, certificate=None, client_ca=None):
    server = Server(("127.0.0.1", port), Web)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{directory}/{certificate}.crt", f"{directory}/{certificate}.key")
        if client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(f"{directory}/{client_ca}.crt")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def pump(here, there):
    def copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    other = threading.Thread(target=copy, args=(there, here), daemon=True)
    other.start()
    copy(here, there)
    other.join()


def listen(port, handle):
    listener = socket.create_server(("127.0.0.1", port), backlog=64)

    def loop():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()


def banner(connection):
    connection.sendall(b"SSH-2.0-lab\r\n")
    connection.recv(100)
    connection.close()


def parrot(connection):
    connection.sendall(b"you said " + connection.recv(100))
    connection.close()


def dns_over_tls(connection):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{directory}/good.crt", f"{directory}/good.key")
    try:
        here = context.wrap_socket(connection, server_side=True)
        pump(here, socket.create_connection(("127.0.0.1", 53)))
    except OSError:
        pass


serve(8080)
serve(8443, "good")
serve(8444, "expired")
serve(8445, "selfsigned")
serve(8446, "othername")
serve(8447, "good", client_ca="ca")
listen(2222, banner)
listen(7777, parrot)
listen(853, dns_over_tls)
print("ready", flush=True)
sys.stdin.read()
os._exit(0)
