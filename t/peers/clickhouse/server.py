# Copyright (C) OpenQoE
#
# The engine of ClickHouse, as the library chdb has it, served by as much of
# ClickHouse's HTTP interface as the Collector's ClickHouse exporter and the
# tests ask for.  Tables, views, SQL and formats are the engine's own; only the
# listening is done here.
#
#     python server.py DIRECTORY PORT
#
# What is in DIRECTORY stays over a stop and a start.
#
#     POST /?param_NAME=VALUE&default_format=FORMAT    the body is the SQL
#     POST /?query=INSERT ... FORMAT Native            the body is the data
#
# A client that names its client_protocol_version (clickhouse-go does) reads
# blocks as the native protocol has them: blocks of texts and of UInt32 are
# written like that here, which is all that it asks for.

import gzip
import os
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import loads
from urllib.parse import parse_qsl, urlsplit

from chdb import session

BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"

engine = session.Session(sys.argv[1])
lock = threading.Lock()


def ask(sql, form, params=None):
    with lock:
        return bytes(engine.query(sql, form, params=params or {}).bytes())


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def text(value):
    data = str(value).encode()
    return varint(len(data)) + data


def block(sql):
    """The answer to sql as a block of the native protocol."""
    answer = loads(ask(sql, "JSONCompact"))
    rows = answer["data"]
    out = BLOCK_INFO + varint(len(answer["meta"])) + varint(len(rows))

    for i, column in enumerate(answer["meta"]):
        kind = "UInt32" if column["type"] == "UInt32" else "String"
        out += text(column["name"]) + text(kind) + b"\x00"
        for row in rows:
            out += (int(row[i]).to_bytes(4, "little") if kind == "UInt32"
                    else text(row[i]))

    return out


def insert(sql, data):
    head, _, form = sql.rpartition(" FORMAT ")
    table = head.split("(", 1)[0].split("INTO", 1)[1].strip()
    columns = head[head.index("("):] if "(" in head else ""

    with tempfile.NamedTemporaryFile(dir=sys.argv[1], suffix=".in") as file:
        file.write(data)
        file.flush()
        ask(f"INSERT INTO {table} {columns} "
            f"SELECT * FROM file('{file.name}', {form.strip()})", "Null")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self):
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            data = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length", 0)))

        if self.headers.get("Content-Encoding", "") == "gzip":
            data = gzip.decompress(data)
        return data

    def do_GET(self):
        self.answer(200, b"Ok.\n")

    def do_POST(self):
        query = dict(parse_qsl(urlsplit(self.path).query))
        data = self.body()

        try:
            if "query" in query:
                insert(query["query"], data)
                return self.answer(200, b"")

            sql = data.decode()
            if "client_protocol_version" in query:
                return self.answer(200, block(sql))

            params = {name[6:]: value for name, value in query.items()
                      if name.startswith("param_")}
            self.answer(200, ask(sql, query.get("default_format",
                                                "TabSeparated"), params))
        except Exception as error:
            self.answer(500, str(error).encode())

    def answer(self, status, data):
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


server = Server(("127.0.0.1", int(sys.argv[2])), Handler)
print("READY", flush=True)
server.serve_forever()
