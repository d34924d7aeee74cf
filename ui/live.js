// Copyright (C) OpenQoE
//
// The live page: asks the module's stats once a second while it is looked at,
// and shows them.  Everything that a client of the module could have chosen
// (titles, ids, countries) is put on the page as text.

'use strict';

const { html, render, useEffect, useRef, useState } = htmPreact;

const STATS = location.pathname.replace(/(\/live\.html)?\/*$/, '')
                               .replace(/[^/]*$/, 'stats');
const MINUTE = 12;              // steps of the history
const LATELY = 60;              // five minutes: what the tiles judge
const FEW = 20;                 // with fewer views nothing is judged
const RANK = { '': 0, good: 0, few: 0, warn: 1, bad: 2 };
const SIGN = { good: '✓', warn: '!', bad: '✕', off: '?' };

// As the alerts have them: warn from the half on.
const LIMIT = { failures: .005, slow: .05, rebuffered: .03 };

const WHY = {
    start_failure: 'Start failed', playback_failure: 'Playback failed',
    exit_before_start: 'Left before start', slow_start: 'Slow start',
    rebuffering: 'Rebuffering',
};
const KINDS = ['startup', 'playing', 'stall', 'seek', 'pause', 'hidden',
               'rendition', 'error'];


// Numbers and texts

const sum = (list) => list.reduce((a, b) => a + b, 0);
const count = (n) => n.toLocaleString('en');
const percent = (part) => part === null || !isFinite(part) ? '–'
    : `${(part * 100).toFixed(part >= .1 ? 0 : part >= .01 || !part ? 1 : 2)} %`;
const short = (part) => part === null ? '–'
    : `${(part * 100).toFixed(part < .1 ? 1 : 0)} %`;
const ms = (n) => n === null ? '–' : n < 1000 ? `${Math.round(n)} ms`
    : n < 60000 ? `${(n / 1000).toFixed(n < 10000 ? 2 : 1)} s`
    : n < 3600000 ? `${Math.floor(n / 60000)} min ${Math.round(n % 60000 / 1000)} s`
    : `${Math.floor(n / 3600000)} h ${Math.round(n % 3600000 / 60000)} min`;
const bytes = (n) => n < 1024 ? `${n} B` : n < 1048576
    ? `${(n / 1024).toFixed(0)} kB` : n < 1073741824
    ? `${(n / 1048576).toFixed(1)} MB` : `${(n / 1073741824).toFixed(1)} GB`;
const clock = (t, seconds = true) => new Date(t).toLocaleTimeString('en-GB',
    { hour: '2-digit', minute: '2-digit', second: seconds ? '2-digit' : undefined });

// Control characters get a picture, and those that turn the direction of
// writing vanish: a title must not change what stands beside it.

const clean = (text) => text
    .replace(/[\u0000-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(/[\u007f-\u009f]/g, '\ufffd')
    .replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '');

const Text = ({ of }) => html`<bdi title=${clean(of)}>${clean(of)}</bdi>`;

function judge(part, limit, n) {
    return n < FEW ? 'few' : part > limit ? 'bad'
           : part > limit / 2 ? 'warn' : 'good';
}

// The quantile of a histogram, with values evenly spread in each bucket.

function quantile(buckets, bounds, q) {
    const rank = q * sum(buckets);
    let below = 0;

    if (!rank) {
        return null;
    }

    for (let i = 0; i < bounds.length; i++) {
        if (buckets[i] && below + buckets[i] >= rank) {
            const low = i ? bounds[i - 1] : 0;
            return low + (bounds[i] - low) * (rank - below) / buckets[i];
        }
        below += buckets[i];
    }

    return bounds[bounds.length - 1];
}


// The tiles: each has a value now, a line of history, and a verdict.

function tiles(d) {
    const h = d.history;
    const n = h.watched.length;
    const last = (name, steps) => sum(h[name].slice(-steps));
    const each = (f) => h.watched.map((_, i) => i < MINUTE - 1 ? null
        : f((name) => sum(h[name].slice(i - MINUTE + 1, i + 1)), i));
    const over = (of) => of('completed') + of('played') + of('exits')
                         + of('start_failures') + of('playback_failures');
    const failed = (of) => of('start_failures') + of('playback_failures');
    const ratio = (a, b) => b ? a / b : null;
    const now = (name) => last(name, LATELY);
    const of = (part, all, what) => `${count(part)} of ${count(all)} ${what}`;
    const few = (level, text) => level === 'few' && text !== ''
        ? `${text}, too few to judge` : text;

    const most = Math.max(...h.watched.slice(-LATELY));
    const drop = most >= 50 && h.watched[n - 1] < most * .6;
    const startups = now('startups');
    const slow = ratio(now('slow'), startups);
    const rated = now('rated');
    const rebuffered = ratio(now('rebuffered'), rated);
    const ends = over(now);
    const levels = {
        slow: judge(slow, LIMIT.slow, startups),
        rebuffered: judge(rebuffered, LIMIT.rebuffered, rated),
        failures: judge(ratio(now('start_failures'), ends), LIMIT.failures, ends),
    };

    return [
        { id: 'watched', name: 'Watching now', value: count(h.watched[n - 1]),
          line: h.watched, format: count, level: drop ? 'warn' : '',
          why: drop && `Views fell from ${count(most)} to ${count(h.watched[n - 1])}`,
          sub: `at most ${count(Math.max(...h.watched.slice(-d.shown)))} in 10 min` },
        { id: 'starts', name: 'Starts a minute', value: count(last('started', MINUTE)),
          line: each((w) => w('started')), format: count, level: '',
          sub: `${count(now('started'))} in 5 min` },
        { id: 'p50', name: 'Startup, median', value: ms(d.startup.p50),
          line: h.p50, format: ms, level: '',
          sub: startups ? `of ${count(startups)} starts in 5 min` : 'no start in 5 min' },
        { id: 'p95', name: 'Startup, 95 %', value: ms(d.startup.p95),
          line: h.p95, format: ms, level: levels.slow,
          why: `${percent(slow)} of starts took more than 4 s`,
          sub: startups ? few(levels.slow, `${percent(slow)} took more than 4 s`) : '' },
        { id: 'rebuffer', name: 'Rebuffer ratio',
          value: percent(ratio(now('stalled_ms'), now('stalled_ms') + now('playing_ms'))),
          line: each((w) => ratio(w('stalled_ms'), w('stalled_ms') + w('playing_ms'))),
          format: percent, level: levels.rebuffered,
          why: `${percent(rebuffered)} of views stalled more than 1 % of their time`,
          sub: rated ? few(levels.rebuffered,
                           `over 1 % in ${of(now('rebuffered'), rated, 'views')}`) : '' },
        { id: 'failures', name: 'Failures', value: percent(ratio(failed(now), ends)),
          line: each((w) => ratio(failed(w), over(w))), format: percent,
          level: levels.failures,
          why: `${percent(ratio(now('start_failures'), ends))} of starts failed`,
          sub: ends ? few(levels.failures, of(failed(now), ends, 'views')) : '' },
        { id: 'exits', name: 'Exits before start', value: percent(ratio(now('exits'), ends)),
          line: each((w) => ratio(w('exits'), over(w))), format: percent,
          level: '', sub: ends ? of(now('exits'), ends, 'views') : '' },
    ];
}

function Spark({ tile, d, theme, onHover }) {
    const ref = useRef();
    const plot = useRef();
    const shown = tile.line.slice(-d.shown);
    const times = shown.map((_, i) => d.until - (d.shown - i) * d.step_s);
    const data = [times, shown];

    useEffect(() => {
        const style = getComputedStyle(document.documentElement);
        const size = () => ({ width: ref.current.clientWidth,
                              height: ref.current.clientHeight });
        const u = new uPlot({
            ...size(), padding: [4, 2, 2, 2], legend: { show: false },
            axes: [{ show: false }, { show: false }],
            scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
            series: [{}, { stroke: style.getPropertyValue('--blue'), width: 1.5,
                           fill: style.getPropertyValue('--fill'),
                           points: { show: false } }],
            cursor: { y: false, drag: { x: false, y: false },
                      sync: { key: 'live', setSeries: false } },
            hooks: { setCursor: [(p) => onHover(p.cursor.idx ?? null)] },
        }, data, ref.current);
        const observer = new ResizeObserver(() => u.setSize(size()));

        plot.current = u;
        observer.observe(ref.current);

        return () => { observer.disconnect(); u.destroy(); };
    }, [theme]);

    useEffect(() => { plot.current.setData(data); }, [d, theme]);

    return html`<div class="spark" ref=${ref} aria-hidden="true"></div>`;
}

function Tile({ tile, d, theme, hover, onHover }) {
    const at = hover === null ? null
               : tile.line[tile.line.length - d.shown + hover];
    const known = tile.line.slice(-d.shown).filter((v) => v !== null);
    const then = d.until - (d.shown - hover) * d.step_s;

    return html`<section class="card tile ${tile.level}" id=${`tile-${tile.id}`}>
      <h2>${tile.name}</h2>
      <p class="now">${hover === null ? tile.value
          : html`${at === null || at === undefined ? '–' : tile.format(at)}
                 <small> at ${clock(then * 1000)}</small>`}</p>
      <p class="sub">${tile.sub}</p>
      <p class="sr">${{ bad: 'Above the threshold.', warn: 'Near the threshold.' }[tile.level]}
        ${known.length ? `In ten minutes from ${tile.format(Math.min(...known))}
            to ${tile.format(Math.max(...known))}.` : ''}</p>
      <${Spark} tile=${tile} d=${d} theme=${theme} onHover=${onHover}/>
    </section>`;
}


// The lists.  The module has totals; the page keeps those of the last ten
// minutes while it is open, and so knows what was new in that time.

const NUMBERS = ['started', 'over', 'failures', 'exits', 'stalls', 'stalled_ms',
                 'playing_ms'];

function less(row, old) {
    const minus = (a, b) => a >= b ? a - b : a;

    return old ? { ...row, startup: row.startup.map((n, i) => minus(n, old.startup[i])),
                   ...Object.fromEntries(NUMBERS.map((k) => [k, minus(row[k], old[k])])) }
               : row;
}

function recent(rows, base) {
    const old = new Map(base ? base.rows.map((row) => [row.name, row]) : []);

    return rows.map((row) => less(row, old.get(row.name)))
               .filter((row) => row.started || row.over)
               .sort((a, b) => b.started - a.started || b.over - a.over);
}

function List({ id, name, hint, list, base, bounds, since }) {
    const rows = recent(list.rows, base);
    const cell = (text, level) => html`<td class=${level}><span>${text}</span>${
        level === 'bad' ? html`<span class="sr"> above the threshold</span>` : ''}</td>`;
    const ratio = (a, b) => b ? a / b : null;

    return html`<section class="card" id=${`list-${id}`}>
      <h2>${name} <small>${since}</small></h2>
      ${rows.length === 0
        ? html`<p class="none">${list.rows.length ? 'No view in this time.' : hint}</p>`
        : html`<table>
            <thead><tr><th scope="col">Name</th><th scope="col">Views</th>
              <th scope="col"><abbr title="Startup time, 95 %">p95</abbr></th>
              <th scope="col"><abbr title="Time stalled, of the time watched">Stalled</abbr></th>
              <th scope="col">Failed</th></tr></thead>
            <tbody>${rows.slice(0, 8).map((row) => {
                const p95 = quantile(row.startup, bounds, .95);
                const failed = ratio(row.failures, row.over);
                const stalled = ratio(row.stalled_ms, row.stalled_ms + row.playing_ms);
                const starts = sum(row.startup);
                return html`<tr key=${row.name}>
                  <td><${Text} of=${row.name}/></td>
                  ${cell(count(row.started))}
                  ${cell(p95 === null ? '–' : `${(p95 / 1000).toFixed(1)} s`, starts >= FEW && p95 > 4000 ? 'bad' : '')}
                  ${cell(short(stalled), starts >= FEW && stalled > .01 ? 'bad' : '')}
                  ${cell(short(failed), judge(failed, LIMIT.failures, row.over))}
                </tr>`;
            })}</tbody></table>`}
    </section>`;
}

function Lists({ d, bases }) {
    const base = bases.current;
    const text = base ? `last ${Math.round((Date.now() - base.at) / 60000)} min`
                      : `since ${clock(d.start_ms, false)}`;
    const list = (id, name, hint) => html`<${List} id=${id} name=${name} hint=${hint}
        list=${d.top[id]} base=${base && base.top[id]} bounds=${d.top.bounds}
        since=${text}/>`;
    const off = (name) => !d.top.titles.rows.length ? 'No view yet.'
        : `No view has one. “openqoe_dimension ${name} allow” may be missing.`;

    return html`<div class="lists">
      ${list('titles', 'Titles', 'No view yet.')}
      ${list('cdns', 'CDNs', off('cdn_provider'))}
      ${list('countries', 'Countries', off('network_country'))}
      ${list('devices', 'Devices', off('device_category'))}
    </div>`;
}

// Once a minute of totals is known, the lists show what was new since.

function keep(snapshots, { top, instance_id: zone }) {
    const now = Date.now();
    const newest = snapshots.list[snapshots.list.length - 1];

    if (newest && newest.zone !== zone) {
        snapshots.list = [];                    // it counts from 0 again
    }

    if (top && (!newest || newest.zone !== zone || now - newest.at >= 20000)) {
        snapshots.list.push({ at: now, zone, top });
    }

    while (snapshots.list.length && now - snapshots.list[0].at > 600000) {
        snapshots.list.shift();
    }

    const oldest = snapshots.list[0];
    snapshots.current = oldest && now - oldest.at >= 60000 ? oldest : null;
}


// Views that went badly

const times = (n) => n === 1 ? 'one stall' : `${count(n)} stalls`;
const reason = (v) => v.why.map((why) => ({
    slow_start: `${WHY.slow_start}, ${ms(v.startup_ms)}`,
    rebuffering: `Stalled ${ms(v.stalled_ms)} in ${times(v.stalls)}`,
}[why] || WHY[why])).join('; ') + (v.error && /fail/.test(v.why.join())
    ? ` (${clean(v.error)})` : '');

const title = (v) => v.labels.video_title || v.labels.video_id || '–';

function move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];

    if (step) {
        const all = [...event.currentTarget.querySelectorAll('button')];
        const next = all[all.indexOf(document.activeElement) + step];
        event.preventDefault();
        next && next.focus();
    }
}

function Bad({ list, onOpen }) {
    const find = (event) => {
        const id = event.target.elements.id.value.trim();

        event.preventDefault();
        id && onOpen({ number: id, view_id: id, labels: {} });
    };

    return html`<section class="card" id="bad">
      <div class="head">
        <h2>Views that went badly <small>the last ${list.length || 'ones'}; open one for its timeline</small></h2>
        <form onSubmit=${find}><input name="id" aria-label="view_id of any view"
          placeholder="view_id" autocomplete="off" maxlength="256"/> <button>Find</button></form>
      </div>
      ${list.length === 0 ? html`<p class="none">None yet.</p>` : html`
      <div class="scroll bads"><table onKeyDown=${move}>
        <thead><tr><th scope="col" class="at">Over at</th>
          <th scope="col" class="wide">Why</th>
          <th scope="col" class="wide">Title</th><th scope="col">CDN</th>
          <th scope="col">Country</th><th scope="col">Device</th>
          <th scope="col">Browser</th></tr></thead>
        <tbody>${list.map((v) => html`<tr key=${v.number}>
          <td>${clock(v.at_ms)}</td>
          <td class="why ${/fail/.test(v.why.join()) ? '' : 'mild'}" title=${reason(v)}>${reason(v)}</td>
          <td><button onClick=${() => onOpen(v)} aria-haspopup="dialog"
            aria-label=${`Timeline of ${clean(title(v))}, over at ${clock(v.at_ms)}: ${reason(v)}`}
            ><${Text} of=${title(v)}/></button></td>
          ${['cdn_provider', 'network_country', 'device_category', 'browser_family']
            .map((k) => html`<td><${Text} of=${v.labels[k] || '–'}/></td>`)}
        </tr>`)}</tbody>
      </table></div>`}
    </section>`;
}

// The timeline of a view: a row for each kind of stretch that it has.

function Timeline({ view }) {
    const items = view.timeline;
    const end = Math.max(view.start_ms + 1000,
                         ...items.map((e) => e.start_ms + e.duration_ms));
    const span = end - view.start_ms;
    const kinds = KINDS.filter((k) => items.some((e) => e.name === k));
    const x = (t) => 90 + (t - view.start_ms) / span * 895;
    const top = Math.max(0, ...items.map((e) => e.bitrate || 0));
    const step = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600]
        .find((s) => span / s <= 10000) * 1000 || span;
    const ticks = Array.from({ length: Math.floor(span / step) + 1 }, (_, i) => i * step);
    const height = kinds.length * 30 + 24;
    const total = (k) => sum(items.filter((e) => e.name === k).map((e) => e.duration_ms));
    const shown = (e) => [e.height ? `${e.height}p` : '', e.codec,
        e.bitrate ? `${(e.bitrate / 1e6).toFixed(2)} Mbit/s` : ''].filter(Boolean).join(' ');
    const text = (e) => `${e.name} at ${ms(e.start_ms - view.start_ms)}`
        + (e.duration_ms ? ` for ${ms(e.duration_ms)}` : '')
        + (shown(e) && `, ${shown(e)}`)
        + (e.count > 1 ? `, ${count(e.count)} times` : '') + (e.fatal ? ', fatal' : '');

    return html`<svg viewBox="0 0 1000 ${height}" role="img"
        aria-label=${`Timeline of ${ms(span)}: ${kinds.map((k) => `${k} ${ms(total(k))}`).join(', ')}`}>
      ${ticks.map((t) => html`<g>
        <line x1=${x(view.start_ms + t)} x2=${x(view.start_ms + t)} y1="0" y2=${height - 18}/>
        <text class="axis" x=${Math.min(x(view.start_ms + t), 985)} y=${height - 4}
          text-anchor="middle">${t >= 60000 ? `${t / 60000} min` : `${t / 1000} s`}</text></g>`)}
      ${kinds.map((kind, row) => html`<g>
        <text x="0" y=${row * 30 + 20}>${kind}</text>
        ${items.filter((e) => e.name === kind).map((e, i) => {
            const h = kind === 'rendition' && top ? 4 + 18 * (e.bitrate || 0) / top : 20;
            const w = (e.duration_ms / span) * 895;
            return html`<rect class="k-${kind} ${i % 2 ? 'b' : ''}"
                x=${x(e.start_ms)} y=${row * 30 + 26 - h} height=${h}
                width=${Math.max(kind === 'error' ? 3 : 1.5, w)}>
                <title>${text(e)}</title></rect>`;
        })}</g>`)}
    </svg>
    <ol class="sr">${items.map((e) => html`<li>${text(e)}</li>`)}</ol>
    ${view.merged ? html`<p class="none">${count(view.merged)} short stretches were merged.</p>` : ''}`;
}

function Detail({ v, onClose }) {
    const ref = useRef();
    const [view, setView] = useState();
    const facts = v.why ? [['Over at', clock(v.at_ms)], ['Why', reason(v)],
            ['Startup', ms(v.startup_ms)], ['Played', ms(v.playing_ms)],
            ['Stalled', v.stalls ? `${ms(v.stalled_ms)} in ${times(v.stalls)}` : 'never'],
            ...Object.entries(v.labels), ['view_id', v.view_id || '–']]
        : view ? ['state', 'outcome', 'org_id', 'session_id'].filter((k) => view[k])
            .map((k) => [k, view[k]]).concat([['Began', clock(view.start_ms)]]) : [];

    useEffect(() => {
        ref.current.showModal();
        ask(`?view=${encodeURIComponent(v.view_id)}`)
            .then((r) => r.ok ? r.json() : null, () => null)
            .then((d) => setView(v.view_id && d && d.view && d.view.timeline
                                 ? d.view : null));
    }, []);

    return html`<dialog ref=${ref} onClose=${onClose} aria-labelledby="which">
      <h2><span id="which"><${Text} of=${v.why ? title(v) : v.view_id}/></span>
        <button onClick=${() => ref.current.close()}>Close</button></h2>
      <dl>${facts.map(([k, text]) => html`<div><dt>${k}</dt><dd><${Text} of=${text}/></dd></div>`)}</dl>
      ${view === undefined ? html`<p class="none">Loading …</p>`
        : view === null ? html`<p class="none" id="unknown">The timeline of this view is not
            known any more: the module keeps it only for a while after the view.</p>`
        : html`<${Timeline} view=${view}/>`}
    </dialog>`;
}


// The module itself

function Meter({ name, text, part, level }) {
    return html`<div class="meter ${level}"><span>${name}</span><span>${text}</span>
      ${part === undefined ? '' : html`<div class="bar" aria-hidden="true"><div
        style=${`width:${Math.min(100, part * 100)}%`}></div></div>`}</div>`;
}

function Module({ d, rate }) {
    const fill = (part) => part > .9 ? 'bad' : part > .7 ? 'warn' : '';
    const table = (name, t) => html`<${Meter} name=${name} part=${t.count / t.max}
        text=${`${count(t.count)} of ${count(t.max)}`} level=${fill(t.count / t.max)}/>`;
    const q = d.queue;

    return html`<section class="card" id="module">
      <h2>The module <small>${d.status}</small></h2>
      <div class="meters">
        <${Meter} name="Events a second" text=${rate === null ? '–' : count(Math.round(rate))}/>
        ${Object.entries(d.exporters).map(([name, e]) => html`
          <${Meter} name=${`Exporter ${name}`} text=${e.health.status === 'healthy'
              ? `${count(e.exported)} sent` : e.health.status}
            level=${e.health.status === 'healthy' ? '' : 'bad'}/>
          ${e.health.consecutive_failures && e.health.last_error ? html`
            <p class="error">${clean(e.health.last_error)}</p>` : ''}
          ${e.spool ? html`<${Meter} name="Its spool" part=${e.spool.bytes / e.spool.max_size}
            text=${`${bytes(e.spool.bytes)} of ${bytes(e.spool.max_size)}`}
            level=${e.spool.failing ? 'bad' : fill(e.spool.bytes / e.spool.max_size)}/>` : ''}`)}
        <${Meter} name="Queue" part=${q.used / q.size} level=${fill(q.used / q.size)}
          text=${`${count(q.events)} events, ${bytes(q.used)} of ${bytes(q.size)}`}/>
        ${q.waiting ? html`<${Meter} name="Requests that wait" text=${count(q.waiting)} level="warn"/>` : ''}
        ${d.events.lost ? html`<${Meter} name="Events lost at an exit" text=${count(d.events.lost)} level="bad"/>` : ''}
        ${table('Views', d.views)} ${table('Sessions', d.sessions)} ${table('Series', d.series)}
        ${d.series.overflow ? html`<${Meter} name="Values without a series"
          text=${count(d.series.overflow)} level="warn"/>` : ''}
      </div>
    </section>`;
}


// Asking

const KEY = 'openqoe.key';

function ask(query, headers = {}) {
    const key = sessionStorage.getItem(KEY);
    const stop = new AbortController();

    setTimeout(() => stop.abort(), 10000);

    return fetch(STATS + query, {
        headers: key ? { ...headers, 'X-API-Key': key } : headers,
        cache: 'no-store', signal: stop.signal,
    });
}

function Login({ wrong, onKey }) {
    const submit = (event) => {
        event.preventDefault();
        onKey(event.target.elements.key.value);
    };

    return html`<form class="card login" onSubmit=${submit}>
      <h1>OpenQoE live</h1>
      <p>The stats ask for an API key. It stays in this tab.</p>
      <label for="key">API key</label>
      <input id="key" name="key" type="password" autocomplete="off" required
        aria-describedby="wrong"/>
      <p id="wrong" class="error" role="alert">${wrong ? 'The module does not know this key.' : ''}</p>
      <button>Show</button>
    </form>`;
}


// What the page says in one line, its title and its icon

function verdict(d, all, silent) {
    if (silent) {
        return ['off', `No answer for ${silent} s`];
    }

    const reasons = all.filter((t) => RANK[t.level]);
    const module = { healthy: 'good', degraded: 'warn', unhealthy: 'bad' }[d.status];

    if (RANK[module]) {
        reasons.push({ level: module, why: `The module is ${d.status}` });
    }

    reasons.sort((a, b) => RANK[b.level] - RANK[a.level]);

    return reasons.length ? [reasons[0].level, reasons.map((r) => r.why).join('; ')]
           : ['good', !d.metrics ? 'openqoe_metrics is off: there are no numbers of views'
              : d.history.watched.some((n) => n) ? 'All right' : 'All quiet'];
}

function announce(level, d) {
    const colour = { good: '#15803d', warn: '#b45309', bad: '#c81e2b', off: '#64748b' }[level];

    document.title = `${SIGN[level]} ${d ? `${count(d.history.watched[d.history.watched.length - 1])} watching – ` : ''}OpenQoE`;
    document.getElementById('icon').href = 'data:image/svg+xml,' + encodeURIComponent(
        `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="16" fill="${colour}"/><text x="16" y="23" font-family="sans-serif" font-size="20" font-weight="bold" text-anchor="middle" fill="#fff">${SIGN[level]}</text></svg>`);
}

function App() {
    const [state, setState] = useState({ d: null });
    const [theme, setTheme] = useState(localStorage.getItem('openqoe.theme')
        || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'));
    const [hover, setHover] = useState(null);
    const [open, setOpen] = useState(null);
    const live = useRef({ etag: null, timer: 0, answered: Date.now(),
                          before: null, snapshots: { list: [], current: null } });

    async function look() {
        const l = live.current;

        if (l.asking) {
            return;
        }

        l.asking = true;
        clearTimeout(l.timer);

        try {
            const r = await ask('?view=live', l.etag ? { 'If-None-Match': l.etag } : {});

            if (r.status === 401) {
                setState((s) => ({ ...s, login: sessionStorage.getItem(KEY) ? 'wrong' : 'ask' }));
                return;                         // until a key is given
            }

            if (r.ok) {
                const d = await r.json();
                const before = l.before;
                const at = performance.now();

                l.etag = r.headers.get('ETag');
                l.before = { at, n: d.events.accepted };
                keep(l.snapshots, d);
                setState({ d, rate: before ? Math.max(0, d.events.accepted - before.n)
                                             * 1000 / (at - before.at) : null });

            } else if (r.status === 304) {
                setState((s) => ({ ...s, rate: 0 }));

            } else {
                throw new Error(r.status);
            }

            l.answered = Date.now();

        } catch (error) {
            setState((s) => ({ ...s }));        // shows for how long

        } finally {
            l.asking = false;
        }

        l.timer = setTimeout(look, document.hidden ? 5000 : 1000);
    }

    useEffect(() => {
        look();
        document.addEventListener('visibilitychange',
                                  () => document.hidden || look());
    }, []);

    document.documentElement.dataset.theme = theme;

    const { d } = state;
    const silent = Math.round((Date.now() - live.current.answered) / 1000);
    const all = d ? tiles(d) : [];
    const [level, text] = d ? verdict(d, all, silent > 3 ? silent : 0) : ['off', ''];

    const said = live.current.said;

    // numbers change all the time: only another verdict is read out
    if (!said || said.level !== level) {
        live.current.said = { level, text };
    }

    useEffect(() => announce(level, d));

    if (state.login) {
        return html`<main><${Login} wrong=${state.login === 'wrong'} onKey=${(key) => {
            sessionStorage.setItem(KEY, key);
            setState((s) => ({ ...s, login: undefined }));
            look();
        }}/></main>`;
    }

    if (!d) {
        return html`<p class="wait" role="status">${silent > 3
            ? `${STATS} does not answer.` : 'Loading …'}</p>`;
    }

    const paint = () => {
        const next = theme === 'dark' ? 'light' : 'dark';
        localStorage.setItem('openqoe.theme', next);
        setTheme(next);
    };

    return html`
      <header>
        <h1>OpenQoE live</h1>
        <p class="status ${level}" id="status">${SIGN[level]} ${text}</p>
        <p class="sr" role="status">${live.current.said.text}</p>
        <p class="where">${d.edge} · version ${d.version} · since
          ${' '}${new Date(d.start_ms).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })}</p>
        <button onClick=${paint} aria-pressed=${theme === 'dark'}>Dark</button>
      </header>
      <main id="main">
        <div class="tiles">${all.map((tile) => html`<${Tile} key=${tile.id} tile=${tile}
          d=${d} theme=${theme} hover=${hover} onHover=${setHover}/>`)}</div>
        ${d.top ? html`<${Lists} d=${d} bases=${live.current.snapshots}/>`
                : html`<p class="none">The lists are being made …</p>`}
        <div class="below"><${Bad} list=${d.bad} onOpen=${setOpen}/>
          <${Module} d=${d} rate=${state.rate}/></div>
      </main>
      ${open && html`<${Detail} key=${open.number} v=${open} onClose=${() => setOpen(null)}/>`}`;
}

document.getElementById('app').textContent = '';
render(html`<${App}/>`, document.getElementById('app'));
