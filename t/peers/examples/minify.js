// Copyright (C) OpenQoE
//
// Prints examples/openqoe-reporter.min.js, made from the file that is given:
//
//     node minify.js NODE_MODULES openqoe-reporter.js > openqoe-reporter.min.js

'use strict';

const fs = require('fs');

const [, , modules, script] = process.argv;
const { minify } = require(`${modules}/terser`);

minify(fs.readFileSync(script, 'utf8'), {
    ecma: 2020, toplevel: true, mangle: true, compress: { passes: 3 },
    format: { comments: /^!/ },
}).then(({ code }) => process.stdout.write(`${code}\n`));
