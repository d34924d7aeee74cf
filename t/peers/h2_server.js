'use strict';

// A bare HTTP/2 server for what no gRPC library would do on the wire.
//
//   node h2_server.js [tls=CERT,KEY] [port=N]
//
// Modes: { mode: 'headers', headers: { ... }, body, trailers }   body in hex
//   { mode: 'early', headers }    ends the answer, never reads the request
//   { mode: 'stall', headers }    the same without ending it
//   { mode: 'large', bytes }      an endless message
//   { mode: 'reset' }             RST_STREAM
//   { mode: 'goaway' }            GOAWAY, then a whole answer
//   { mode: 'dead' }              what was kept is cut, without an answer, by
//                                 the next request; a new connection answers

const http2 = require('http2');
const otlp = require('./otlp');

const opts = otlp.options({ port: '0' });
let mode = { mode: 'headers', headers: {} };
let requests = 0;
let connections = 0;
const sockets = new Map();    // by the client's port: a session hides its own

const GRPC = { ':status': 200, 'content-type': 'application/grpc' };
const EMPTY = Buffer.alloc(5);

function answer(stream) {
  const trailers = mode.trailers;
  stream.respond({ ...GRPC, ...mode.headers },
    { endStream: !mode.body && !trailers, waitForTrailers: Boolean(trailers) });
  if (trailers) stream.once('wantTrailers', () => stream.sendTrailers(trailers));
  if (mode.body || trailers)
    stream.end(mode.body ? Buffer.from(mode.body, 'hex') : EMPTY);
}

function large(stream) {
  stream.respond(GRPC);
  const part = Buffer.alloc(65536);
  part.writeUInt32BE(mode.bytes, 1);
  let left = mode.bytes;
  const more = () => {
    while (left > 0) {
      left -= part.length;
      if (!stream.write(part)) { stream.once('drain', more); return; }
    }
    stream.end();
  };
  more();
}

function goaway(stream) {
  stream.session.close();
  setTimeout(() => {
    stream.respond(GRPC, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': 0 }));
    stream.end(EMPTY);
  }, 50);
}

// cut: 'all' when the first request of a connection is cut as well.

function dead(stream) {
  const { session } = stream;
  if (mode.cut !== 'all' && !session.answered) {
    session.answered = true;
    answer(stream);
    return;
  }
  sockets.get(session.socket.remotePort).destroy();
}

const READ = {
  dead,
  headers: answer,
  large,
  reset: (stream) => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR),
  goaway,
};

const AT_ONCE = {
  early: (stream) => stream.respond({ ...GRPC, ...mode.headers },
    { endStream: true }),
  stall: (stream) => stream.respond({ ...GRPC, ...mode.headers }),
};

function handle(stream) {
  requests++;
  stream.on('error', () => {});
  if (AT_ONCE[mode.mode]) {
    AT_ONCE[mode.mode](stream);
    return;
  }
  stream.resume();
  stream.on('end', () => READ[mode.mode](stream));
}

const tls = otlp.tlsFiles(opts);
const server = tls ? http2.createSecureServer(tls) : http2.createServer();

server.on('stream', handle);
server.on('session', () => { connections++; });
server.on(tls ? 'secureConnection' : 'connection', (socket) => {
  const port = socket.remotePort;
  sockets.set(port, socket);
  socket.on('close', () => sockets.delete(port));
});
server.on('sessionError', () => {});
server.listen(Number(opts.port), '127.0.0.1', () => {
  otlp.control(server.address().port, (command) => { mode = command; },
    () => ({ connections, requests }));
});
