-- Copyright (C) OpenQoE
--
-- wrk with an oracle: every event has an id, and a file says what became of
-- it, in the form of t/tools/load.c:
--
--     wrk -t 4 -c 4 -d 60s -s t/tools/oracle.lua http://... -- \
--         PREFIX N [KEY [PAUSE]]
--
-- writes PREFIX.1, PREFIX.2, ... (one a thread), N events a request; KEY may
-- be "", PAUSE is milliseconds after each answer.
--
-- wrk does not tell the response callback which connection it is about, so
-- the outcome is exact only with as many connections as threads: then the
-- requests and responses of a thread alternate.  A request is written as
-- ambiguous (U) when it is made, and again as A or R when it is answered; one
-- that lost its connection stays U.  A response without a request means more
-- connections than threads: "bad" is written and the oracle refuses the file.

-- A server that refuses is not hammered: the thread, which has one connection,
-- sleeps.  wrk's own delay() is no way: after a reset in a delay it sends two
-- requests at once.

local ffi = require("ffi")
ffi.cdef("int poll(void *fds, unsigned long n, int timeout);")

local serial = 0

function setup(thread)
    serial = serial + 1
    thread:set("id", serial)
end

local out, run, per_request, pause, pending
local number = 0
local template = table.concat({
    '{"event_type":"heartbeat","event_time":%d000,"viewer_time":%d000,',
    '"playback_time":12500,"org_id":"org-load","player_id":"player-load",',
    '"view_id":"%08x-%04x-4000-8000-00000000000a",',
    '"session_id":"%08x-%04x-4000-8000-00000000000b",',
    '"viewer_id":"viewer-1","env":"test","app_name":"wrk",',
    '"app_version":"1.0.0","device":{"name":"desktop","category":"desktop"},',
    '"os":{"family":"Linux","version":"6.1"},',
    '"browser":{"family":"Chrome","version":"120.0"},',
    '"player":{"name":"hls.js","version":"1.5.0","autoplay":true},',
    '"video":{"id":"video-1","title":"A film of the load"},',
    '"data":{"seq":"oqid-%s-%d","playing_time":10000,"bitrate":3000000}}',
})

function init(args)
    math.randomseed(os.time() * 1000 + id)
    run = string.format("%xw%06xt%d", os.time() % 0xfffffff,
                        math.random(0, 0xffffff), id)
    per_request = tonumber(args[2] or 10)
    out = assert(io.open(args[1] .. "." .. id, "w"))
    out:setvbuf("line")
    out:write("run ", run, "\n")

    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    pause = tonumber(args[4] or 0)
    if args[3] and args[3] ~= "" then
        wrk.headers["Authorization"] = "Bearer " .. args[3]
    end
end

function request()
    local now = os.time()
    local session = math.floor(number / (50 * per_request))
    local events = {}

    for i = 1, per_request do
        events[i] = string.format(template, now, now, session, id, session,
                                  id, run, number + i - 1)
    end

    pending = number
    number = number + per_request
    out:write("U ", pending, " ", per_request, "\n")

    return wrk.format(nil, nil, nil,
                      '{"events":[' .. table.concat(events, ",") .. "]}")
end

function response(status)
    if not pending then
        out:write("bad: more connections than threads\n")
        return
    end

    if status == 202 then
        out:write("A ", pending, " ", per_request, "\n")
        if pause > 0 then ffi.C.poll(nil, 0, pause) end
    else
        out:write("R ", pending, " ", per_request, " ", status, "\n")
        ffi.C.poll(nil, 0, 20)
    end

    pending = nil
end
