'use strict';

// An OTLP/HTTP receiver, protobuf and JSON.
//
//   node http_server.js out=FILE [tls=CERT,KEY] [client_ca=CA] [port=N] [ids=1]
//
// Modes: { mode: 'ok' }
//   { mode: 'status', code, retry_after, body, type, location }
//   { mode: 'partial', rejected, message }
//   { mode: 'delay', ms } { mode: 'hang' } { mode: 'rst' } { mode: 'close' }
//   { mode: 'early', code }      answers before it reads the body
//   { mode: 'truncate' }         half of what Content-Length says
//   { mode: 'drip', ms, code }   a byte each ms
//   { mode: 'large', bytes }     an answer of so many bytes
// With only: TEXT, requests that do not hold the text are taken as by 'ok'.

const http = require('http');
const https = require('https');
const zlib = require('zlib');
const otlp = require('./otlp');

const opts = otlp.options({ port: '0' });
const sink = new otlp.Sink(opts.out, opts.ids);
let mode = { mode: 'ok' };
let requests = 0;
let connections = 0;
let lastHeaders = {};

const PATHS = { '/v1/logs': 'logs', '/v1/traces': 'traces',
  '/v1/metrics': 'metrics' };

function isJson(req) {
  return req.headers['content-type'] === 'application/json';
}

function unpacked(req, body) {
  return req.headers['content-encoding'] === 'gzip'
    ? zlib.gunzipSync(body) : body;
}

function take(req, res, body) {
  const signal = PATHS[req.url];
  const partial = mode.mode === 'partial' && mode;

  if (!signal || req.method !== 'POST') {
    res.writeHead(404).end();
    return;
  }

  const bytes = unpacked(req, body);
  sink.take(signal, isJson(req) ? JSON.parse(bytes.toString())
    : otlp.decodeRequest(signal, bytes));

  res.setHeader('Content-Type', req.headers['content-type']);
  res.end(otlp.encodeResponse(signal, isJson(req), partial));
}

function answer(req, res) {
  const headers = { 'Content-Type': mode.type || 'text/plain' };
  if (mode.retry_after !== undefined) headers['Retry-After'] = mode.retry_after;
  if (mode.location) headers.Location = mode.location;
  const body = mode.rpc !== undefined
    ? otlp.rpcStatus(3, mode.rpc) : mode.body || '';
  res.writeHead(mode.code, headers);
  res.end(body);
}

function drip(req, res) {
  res.writeHead(mode.code || 200, { 'Content-Length': 100000 });
  const timer = setInterval(() => res.write('x'), mode.ms || 50);
  res.on('close', () => clearInterval(timer));
}

function large(req, res) {
  let left = mode.bytes;
  const part = Buffer.alloc(65536);
  const more = () => {
    while (left > 0) {
      left -= part.length;
      if (!res.write(part)) { res.once('drain', more); return; }
    }
    res.end();
  };
  res.writeHead(200);
  more();
}

const HANDLERS = {
  ok: take,
  partial: take,
  status: answer,
  delay: (...args) => setTimeout(() => take(...args), mode.ms),
  hang: () => {},
  rst: (req) => req.socket.resetAndDestroy(),
  close: (req) => req.socket.end(),
  truncate: (req, res) => {
    res.writeHead(200, { 'Content-Length': 100 });
    res.write(Buffer.alloc(50), () => req.socket.end());
  },
  drip,
  large,
};

function handle(req, res) {
  requests++;
  lastHeaders = req.headers;

  if (mode.mode === 'early') {
    answer(req, res);
    return;
  }

  const parts = [];
  req.on('data', (part) => parts.push(part));
  req.on('end', () => {
    const body = Buffer.concat(parts);
    const meant = !mode.only || unpacked(req, body).includes(mode.only);
    (meant ? HANDLERS[mode.mode] : take)(req, res, body);
  });
}

const tls = otlp.tlsFiles(opts);
const server = !tls ? http.createServer(handle)
  : https.createServer({ ...tls, requestCert: Boolean(tls.ca),
    rejectUnauthorized: Boolean(tls.ca) }, handle);

server.keepAliveTimeout = 60000;
server.on('connection', () => { connections++; });
server.on('clientError', (error, socket) => socket.destroy());
server.listen(Number(opts.port), '127.0.0.1', () => {
  otlp.control(server.address().port, (command) => {
    if (command.mode) mode = command;
    if (command.close) server.closeIdleConnections();
  }, () => ({ connections, requests, items: sink.items,
    headers: lastHeaders }));
});
