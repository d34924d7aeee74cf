// Copyright (C) OpenQoE
//
// Waits for what pages have sent, by the module's own stats.

'use strict';

const http = require('http');
const https = require('https');

const { TIMEOUT, pause } = require('./cdp.js');


// How many events the module has accepted; endpoint is the URL that takes them.

function accepted(endpoint) {
    const { get } = endpoint.startsWith('https:') ? https : http;
    const url = endpoint.replace(/\/events$/, '/stats');

    return new Promise((resolve, reject) => {
        get(url, { family: 4, rejectUnauthorized: false }, (answer) => {
            const chunks = [];

            answer.on('data', (chunk) => chunks.push(chunk));
            answer.on('error', reject);
            answer.on('end', () => resolve(
                JSON.parse(Buffer.concat(chunks)).events.accepted));
        }).on('error', reject);
    });
}


// Waits until the module has accepted so many events.  The last beacons of a
// page are under way when the page has gone, and end with the browser.

async function arrive(endpoint, events) {
    const end = Date.now() + TIMEOUT;

    while (Date.now() < end && await accepted(endpoint) < events) {
        await pause(50);
    }
}


module.exports = { arrive };
