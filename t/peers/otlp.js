'use strict';

// What the peers share: the OTLP messages, the file of received items, and
// the control, an HTTP port of its own: POST a mode as JSON, get the statistics
// as JSON.

const fs = require('fs');
const http = require('http');
const path = require('path');
const protobuf = require('protobufjs');

const PROTO = path.join(__dirname, '..', '..', 'proto');
const BASE = 'opentelemetry/proto/';

// signal: [file and package, message stem, the way down to its items]
const SIGNALS = {
  logs: ['logs', 'ExportLogsService',
    'resourceLogs', 'scopeLogs', 'logRecords', 'rejectedLogRecords'],
  traces: ['trace', 'ExportTraceService',
    'resourceSpans', 'scopeSpans', 'spans', 'rejectedSpans'],
  metrics: ['metrics', 'ExportMetricsService',
    'resourceMetrics', 'scopeMetrics', 'metrics', 'rejectedDataPoints'],
};

function serviceFile(signal) {
  const name = SIGNALS[signal][0];
  return `${BASE}collector/${name}/v1/${name}_service.proto`;
}

const root = new protobuf.Root();
root.resolvePath = (origin, target) => path.join(PROTO, target);
root.loadSync(Object.keys(SIGNALS).map(serviceFile));

function messageType(signal, which) {
  const [name, stem] = SIGNALS[signal];
  return root.lookupType(
    `opentelemetry.proto.collector.${name}.v1.${stem}${which}`);
}

function decodeRequest(signal, bytes) {
  const type = messageType(signal, 'Request');
  return type.toObject(type.decode(bytes), { longs: String, enums: Number });
}

function encodeResponse(signal, json, partial) {
  const type = messageType(signal, 'Response');
  const value = partialSuccess(signal, partial);
  return json ? Buffer.from(JSON.stringify(value))
    : Buffer.from(type.encode(type.fromObject(value)).finish());
}

// { rejected, message } as the body of a response
function partialSuccess(signal, partial) {
  if (!partial) return {};
  const value = { errorMessage: partial.message || '' };
  value[SIGNALS[signal][5]] = String(partial.rejected || 0);
  return { partialSuccess: value };
}

// A Status needs only varint and length-delimited fields.
function varint(n) {
  const out = [];
  let v = BigInt(n);
  for (; v > 127n; v >>= 7n) out.push(Number(v & 127n) | 128);
  out.push(Number(v));
  return Buffer.from(out);
}

function bytesField(number, data) {
  const bytes = Buffer.from(data);
  return Buffer.concat([varint(number << 3 | 2), varint(bytes.length), bytes]);
}

function intField(number, n) {
  return Buffer.concat([varint(number << 3), varint(n)]);
}

// google.rpc.Status, with a google.rpc.RetryInfo when retryMs is given
function rpcStatus(code, message, retryMs) {
  const parts = [intField(1, code), bytesField(2, message || '')];
  if (retryMs !== undefined) {
    const delay = Buffer.concat([intField(1, Math.floor(retryMs / 1000)),
      intField(2, retryMs % 1000 * 1000000)]);
    parts.push(bytesField(3, Buffer.concat([
      bytesField(1, 'type.googleapis.com/google.rpc.RetryInfo'),
      bytesField(2, bytesField(1, delay))])));
  }
  return Buffer.concat(parts);
}

// A line for each item; 64-bit integers as strings, bytes in hex.  With ids a
// line holds only what OpenQoE::Oracle looks for, for tests with much load.
class Sink {
  constructor(file, ids) {
    this.fd = file ? fs.openSync(file, 'a') : -1;
    this.ids = ids;
    this.items = 0;
  }

  take(signal, request) {
    const [, , a, b, c] = SIGNALS[signal];
    let out = '';
    for (const resource of request[a] || [])
      for (const scope of resource[b] || [])
        for (const item of scope[c] || []) {
          out += (this.ids ? idsOf(item) : JSON.stringify({ signal,
            resource: resource.resource, scope: scope.scope, item },
          hexBytes)) + '\n';
          this.items++;
        }
    if (this.fd >= 0 && out) fs.writeSync(this.fd, out);
  }
}

function idsOf(item) {
  return (JSON.stringify(item).match(/oqid-[0-9a-z]+-\d+/g) || []).join(' ');
}

function hexBytes(key, value) {
  return value && value.type === 'Buffer' && Array.isArray(value.data)
    ? Buffer.from(value.data).toString('hex') : value;
}

// name=value of the command line
function options(defaults) {
  const opts = { ...defaults };
  for (const arg of process.argv.slice(2)) {
    const at = arg.indexOf('=');
    opts[arg.slice(0, at)] = arg.slice(at + 1);
  }
  return opts;
}

// { tls: 'cert.pem,key.pem', client_ca: 'ca.pem' } read into memory, or null
function tlsFiles(opts) {
  if (!opts.tls) return null;
  const [cert, key] = opts.tls.split(',').map((f) => fs.readFileSync(f));
  return { cert, key,
    ca: opts.client_ca ? fs.readFileSync(opts.client_ca) : undefined };
}

// Calls set(command) for commands that are posted, and answers with stats();
// prints "READY <port> <control port>" when both ports listen.
function control(port, set, stats) {
  const server = http.createServer((req, res) => {
    const parts = [];
    req.on('data', (part) => parts.push(part));
    req.on('end', () => {
      if (parts.length) set(JSON.parse(Buffer.concat(parts).toString()));
      res.setHeader('Content-Type', 'application/json');
      res.end(JSON.stringify(stats()));
    });
  });
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`READY ${port} ${server.address().port}\n`);
  });
}

module.exports = { PROTO, SIGNALS, Sink, control, decodeRequest,
  encodeResponse, options, partialSuccess, rpcStatus, serviceFile, tlsFiles };
