'use strict';

// A gRPC server (@grpc/grpc-js) with the three OTLP services.
//
//   node grpc_server.js out=FILE [tls=CERT,KEY] [client_ca=CA] [port=N] [ids=1]
//
// Modes: { mode: 'ok' }
//   { mode: 'status', code, message, retry_ms }    each call ends so
//   { mode: 'partial', rejected, message }
//   { mode: 'delay', ms }                          then ok
//   { mode: 'hang' }                               never an answer
//   { mode: 'drop' }                               the connection is reset
//   { mode: 'goaway', ms }    GOAWAY with the call in flight, then ok
// Commands: { close: true } ends idle connections with GOAWAY.

const http2 = require('http2');
const sessions = new Set();
let connections = 0;
let lastHeaders = {};

// grpc-js hides its sessions, which the tests count and break.

for (const name of ['createServer', 'createSecureServer']) {
  const create = http2[name];
  http2[name] = (...args) => {
    const server = create(...args);
    server.on('session', (session) => {
      connections++;
      sessions.add(session);
      session.on('close', () => sessions.delete(session));
    });
    server.on('stream', (stream, headers) => { lastHeaders = headers; });
    return server;
  };
}

const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const otlp = require('./otlp');

const opts = otlp.options({ port: '0' });
const sink = new otlp.Sink(opts.out, opts.ids);
let mode = { mode: 'ok' };
let requests = 0;

function fail(call, callback) {
  const metadata = new grpc.Metadata();
  if (mode.retry_ms !== undefined)
    metadata.set('grpc-status-details-bin',
      otlp.rpcStatus(mode.code, mode.message, mode.retry_ms));
  callback({ code: mode.code, details: mode.message || '', metadata });
}

function take(signal, call, callback) {
  sink.take(signal, call.request);
  callback(null, otlp.partialSuccess(signal, mode.mode === 'partial' && mode));
}

function breakOff() {
  for (const session of sessions) {
    const socket = session.socket;
    session.destroy();
    socket.destroy();
  }
}

const HANDLERS = {
  ok: take,
  partial: take,
  status: (signal, call, callback) => fail(call, callback),
  delay: (...args) => setTimeout(() => take(...args), mode.ms),
  hang: () => {},
  drop: breakOff,
  goaway: (...args) => {
    for (const session of sessions) session.close();
    setTimeout(() => take(...args), mode.ms || 50);
  },
};

const definition = loader.loadSync(
  Object.keys(otlp.SIGNALS).map(otlp.serviceFile),
  { includeDirs: [otlp.PROTO], longs: String, enums: Number });

const server = new grpc.Server();

for (const signal of Object.keys(otlp.SIGNALS)) {
  const name = Object.keys(definition).find((key) =>
    definition[key].Export && key.includes(`.${otlp.SIGNALS[signal][0]}.`));
  server.addService(definition[name], {
    Export: (call, callback) => {
      requests++;
      HANDLERS[mode.mode](signal, call, callback);
    },
  });
}

const tls = otlp.tlsFiles(opts);
const credentials = !tls ? grpc.ServerCredentials.createInsecure()
  : grpc.ServerCredentials.createSsl(tls.ca || null,
    [{ private_key: tls.key, cert_chain: tls.cert }], Boolean(tls.ca));

server.bindAsync(`127.0.0.1:${opts.port}`, credentials, (error, port) => {
  if (error) throw error;
  otlp.control(port, (command) => {
    if (command.mode) mode = command;
    if (command.close) for (const session of sessions) session.close();
  }, () => ({ connections, open: sessions.size, requests, items: sink.items,
    headers: { ...lastHeaders } }));
});
