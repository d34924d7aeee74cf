-- Copyright (C) OpenQoE
--
-- wrk -s events.lua URL -- EVENTS REPORT [DUMP]
--
-- Posts batches of EVENTS events, made once when a thread starts and then sent
-- in turn: 10 events of a session in a row, the event types in about the mix
-- that a view sends, 1.1 kB each on the mean, event_time of now.  The summary
-- goes to the file REPORT as "name value" lines; the bodies to DUMP, a file,
-- each on a line of its own.
--
-- The generator starts from the same number each time, so that two runs see
-- the same bodies but for the times and the ids' first part.


-- BENCH_VIEWS: how many sessions there are, by default 300
local VIEWS = tonumber(os.getenv('BENCH_VIEWS') or 300)
local EVENTS = math.max(3000, VIEWS)    -- in as many batches as that makes
local SESSION = math.floor(EVENTS / VIEWS)      -- events of one in a row


local devices = {
    { '"name":"MacBook Pro","model":"MacBookPro18,3","category":"desktop",'
      .. '"manufacturer":"Apple"',
      '"family":"macOS","version":"14.4.1"',
      '"family":"Chrome","version":"126.0.6478.127"' },
    { '"name":"iPhone 15","model":"iPhone15,4","category":"mobile",'
      .. '"manufacturer":"Apple"',
      '"family":"iOS","version":"17.5.1"',
      '"family":"Mobile Safari","version":"17.5"' },
    { '"name":"BRAVIA 4K","model":"KD-55XH9096","category":"tv",'
      .. '"manufacturer":"Sony"',
      '"family":"Android TV","version":"12"',
      '"family":"Android WebView","version":"119.0.6045.193"' },
    { '"name":"Galaxy S23","model":"SM-S911B","category":"mobile",'
      .. '"manufacturer":"Samsung"',
      '"family":"Android","version":"14"',
      '"family":"Samsung Internet","version":"25.0"' },
    { '"name":"PC","model":"x86_64","category":"desktop",'
      .. '"manufacturer":"unknown"',
      '"family":"Windows","version":"11"',
      '"family":"Firefox","version":"127.0"' },
}

local networks = {
    '"asn":3320,"country_code":"DE","region":"BE","city":"Berlin"',
    '"asn":3215,"country_code":"FR","region":"IDF","city":"Paris"',
    '"asn":7922,"country_code":"US","region":"CO","city":"Denver"',
    '"asn":28573,"country_code":"BR","region":"SP","city":"São Paulo"',
    '"asn":4713,"country_code":"JP","region":"13","city":"東京"',
}

local players = {
    '"name":"hls.js","version":"1.5.13","autoplay":true,"preload":"auto"',
    '"name":"dash.js","version":"4.7.4","autoplay":false,"preload":"none"',
    '"name":"shaka","version":"4.9.2","autoplay":true,"preload":"metadata"',
    '"name":"video.js","version":"8.12.0","autoplay":false,"preload":"auto"',
}

local titles = {
    'The Long Way Home', 'Überfahrt', 'Quiet \\"Harbour\\"', '夜の列車',
    'Northern Lights, Episode 4', 'Derby Live: Second Half',
}

local function int(a, b)
    return math.random(a, b)
end

local function num(a, b)
    return a + math.random() * (b - a)
end


-- share in per mille, type, data

local types = {
    { 330, 'heartbeat', function()
        return string.format('"playing_time":%d,"bitrate":%d,'
            .. '"buffer_length":%d,"dropped_frames":%d',
            int(0, 3600000), int(300, 9000) * 1000, int(0, 60000), int(0, 40))
    end },
    { 150, 'fragmentloaded', function()
        return string.format('"frag_duration":%.3f,"size_bytes":%d,'
            .. '"time_to_load":%.1f,"ttfb_ms":%.1f,"z_score":%.3f,'
            .. '"service_location":"edge-%d","bandwidth":%d,'
            .. '"url":"https://cdn.example.com/hls/v%d/seg-%05d.m4s",'
            .. '"frag_id":%d,"media_type":"video","is_outlier":%s',
            num(2, 6), int(100000, 4000000), num(20, 900), num(5, 90),
            num(-2, 4), int(1, 9), int(1000000, 90000000), int(1, 9),
            int(1, 99999), int(1, 1500), int(1, 9) == 1 and 'true' or 'false')
    end },
    { 120, 'bufferlevelchange', function()
        return string.format('"buffer_len_ms":%.2f,"z_score":%.4f,'
            .. '"is_outlier":false,"media_type":"video","bandwidth":%d',
            num(0, 60000), num(-2, 2), int(1000000, 90000000))
    end },
    { 80, 'bandwidthchange', function()
        return string.format('"bandwidth":%s,"media_type":"video",'
            .. '"codec":"avc1.640028"',
            int(1, 9) == 1 and 'null' or tostring(int(1000000, 90000000)))
    end },
    { 80, 'qualitychange', function()
        return string.format('"bitrate_kb":%d,"media_type":"video",'
            .. '"resolution":{"width":1920,"height":1080},"framerate":%s,'
            .. '"codec":"avc1.640028","bits_per_pixel":%.4f,'
            .. '"player_width":1280,"player_height":720,'
            .. '"device_pixel_ratio":2',
            int(300, 9000), int(0, 1) == 1 and '29.97' or '"50/1"',
            num(0.02, 0.2))
    end },
    { 40, 'qualitychangerequested', function()
        return string.format('"old":{"bitrate_kb":%d,"resolution":'
            .. '{"width":1280,"height":720},"framerate":25,'
            .. '"codec":"avc1.64001f"},"new":{"bitrate_kb":%d,"resolution":'
            .. '{"width":1920,"height":1080},"codec":"avc1.640028",'
            .. '"framerate":25,"level":4},"media_type":"video"',
            int(300, 9000), int(300, 9000))
    end },
    { 40, 'playing', function()
        return string.format('"playing_time":%d,"bitrate":%d,'
            .. '"resolution":{"width":1920,"height":1080},"framerate":25,'
            .. '"video_startup_time":%d', int(0, 3600000),
            int(300, 9000) * 1000, int(80, 4000))
    end },
    { 30, 'pause', function()
        return string.format('"playing_time":%d', int(0, 3600000))
    end },
    { 30, 'seek', function()
        return string.format('"from":%d,"to":%d,"seek_latency":%.1f',
            int(0, 3600000), int(0, 3600000), num(10, 900))
    end },
    { 25, 'stallstart', function()
        return string.format('"buffer_length":%d,"bitrate":null', int(0, 900))
    end },
    { 25, 'stallend', function()
        return string.format('"stall_duration":%d,"stall_position_secs":%.2f',
            int(50, 9000), num(0, 3600))
    end },
    { 20, 'quartile', function()
        return string.format('"quartile":%d,"playing_time":%d,'
            .. '"watch_time":%d', 25 * int(1, 4), int(0, 3600000),
            int(0, 3600000))
    end },
    { 10, 'error', function()
        return string.format('"error_family":"network","error_code":%d,'
            .. '"error_message":"fragLoadError: \\"HTTP %d\\" at\\n%s",'
            .. '"error_context":{"url":"https://cdn.example.com/s.m4s",'
            .. '"http_status":%d,"fatal":false}', int(1000, 9999),
            int(500, 504), string.rep('    at onLoadError (app.js:1:20)\\n',
                                      20), int(500, 504))
    end },
    { 10, 'moveaway', function() return '' end },
    { 10, 'moveback', function() return '' end },
}


local function id()
    return string.format('%08x-%04x-4%03x-%04x-%06x%06x', os.time(),
        int(0, 65535), int(0, 4095), int(32768, 49151), int(0, 16777215),
        int(0, 16777215))
end


-- what all events of a session have alike

local function new_session()
    local device = devices[int(1, #devices)]
    local video = int(1, 500)

    return string.format('"org_id":"org-%d","player_id":"web-player-main",'
        .. '"view_id":"%s","session_id":"%s","viewer_id":"%s",'
        .. '"env":"production","app_name":"acme-tv","app_version":"4.12.%d",'
        .. '"device":{%s},"os":{%s},"browser":{%s},"player":{%s},'
        .. '"network":{%s},"cdn":{"provider":"edge-one","edge_pop":"POP%d",'
        .. '"origin":"origin-eu"},"video":{"id":"vid-%05d","title":"%s",'
        .. '"series":"Northern Lights","duration":%.2f,"source_url":'
        .. '"https://cdn.example.com/hls/%05d/master.m3u8"},'
        .. '"cmcd":{"br":[%d],"bl":[%d],"sf":"h","st":"v","v":2}',
        int(1, 20), id(), id(), id(), int(0, 9), device[1], device[2],
        device[3], players[int(1, #players)], networks[int(1, #networks)],
        int(1, 60), video, titles[int(1, #titles)], num(60, 7200), video,
        int(300, 9000), int(0, 600) * 100)
end


local function new_event(session, now)
    local at = int(1, 1000)
    local kind

    for _, t in ipairs(types) do
        kind = t
        at = at - t[1]
        if at <= 0 then break end
    end

    return string.format('{"event_type":"%s","event_time":%d,'
        .. '"viewer_time":%d,"playback_time":%.3f,%s,"data":{%s}}', kind[2],
        now - int(0, 9999), now - int(0, 9999), num(0, 3600), session,
        kind[3]())
end


local requests = {}
local last = 0


function init(args)
    local n = tonumber(args[1])
    local now = os.time() * 1000
    local dump = args[3] and io.open(args[3], 'w')
    local session

    math.randomseed(20260117)
    bytes = 0
    events = 0

    for i = 1, math.ceil(EVENTS / n) do
        local batch = {}
        for j = 1, n do
            if (j - 1) % SESSION == 0 or n < SESSION then
                session = new_session()
            end
            batch[j] = new_event(session, now)
        end
        local body = '{"events":[' .. table.concat(batch, ',') .. ']}'
        bytes = bytes + #body
        events = events + n
        requests[i] = wrk.format('POST', nil,
            { ['Content-Type'] = 'application/json', Host = 'localhost' },
            body)
        if dump then dump:write(body, '\n') end
    end

    if dump then dump:close() end
    report = args[2]
end


function request()
    last = last % #requests + 1
    return requests[last]
end


local thread

function setup(t)
    thread = t
end


function done(summary, latency, all)
    local out = assert(io.open(thread:get('report'), 'w'))
    local function line(name, value)
        out:write(string.format('%s %.6f\n', name, value))
    end

    line('seconds', summary.duration / 1e6)
    line('requests', summary.requests)
    line('status_errors', summary.errors.status)
    line('socket_errors', summary.errors.connect + summary.errors.read
        + summary.errors.write + summary.errors.timeout)
    line('p50_ms', latency:percentile(50) / 1000)
    line('p99_ms', latency:percentile(99) / 1000)
    line('max_ms', latency.max / 1000)
    line('event_bytes', thread:get('bytes') / thread:get('events'))
    out:close()
end
