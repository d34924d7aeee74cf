#!/bin/sh
#
# Makes the media of the player test once, outside the tree, and prints the
# directory that holds them: master.m3u8 and manifest.mpd over the same
# segments of 2 s (H.264 in three renditions and AAC), and plain.mp4.
#
# OPENQOE_CACHE  where they are kept (~/.cache/openqoe)

set -eu

cd "$(dirname "$0")"

# A directory for each state of this script: another checkout may have another.
key=$(sha256sum < "$(basename "$0")" | cut -c 1-16)
dir=${OPENQOE_CACHE:-${HOME:-/tmp}/.cache/openqoe}/media/$key
seconds=36

# The sound ends before the pictures: else it would have a last segment of some
# ms, in which players get stuck.
sound="sine=frequency=440:duration=35.9"

mkdir -p "$dir"

# Tests run side by side: the first one encodes, the others wait.
(
    flock 9
    [ -e "$dir/.done" ] && exit 0

    echo "encoding the media" >&2
    cd "$dir"

    # the dollars are ffmpeg's
    # shellcheck disable=SC2016
    ffmpeg -hide_banner -loglevel error -nostdin \
        -f lavfi -i "testsrc=size=640x360:rate=25:duration=$seconds" \
        -f lavfi -i "$sound" \
        -map 0:v -map 0:v -map 0:v -map 1:a \
        -c:v libx264 -preset ultrafast -tune fastdecode -pix_fmt yuv420p \
        -g 50 -keyint_min 50 -sc_threshold 0 \
        -s:v:0 320x180 -b:v:0 300k -maxrate:v:0 350k -bufsize:v:0 600k \
        -s:v:1 640x360 -b:v:1 800k -maxrate:v:1 900k -bufsize:v:1 1600k \
        -s:v:2 1280x720 -b:v:2 1800k -maxrate:v:2 2000k -bufsize:v:2 3600k \
        -c:a aac -b:a 64k -ac 2 \
        -f dash -seg_duration 2 -use_template 1 -use_timeline 0 \
        -adaptation_sets 'id=0,streams=v id=1,streams=a' \
        -hls_playlist 1 -hls_master_name master.m3u8 \
        -init_seg_name 'init-$RepresentationID$.m4s' \
        -media_seg_name 'seg-$RepresentationID$-$Number%03d$.m4s' \
        manifest.mpd

    ffmpeg -hide_banner -loglevel error -nostdin \
        -f lavfi -i "testsrc=size=640x360:rate=25:duration=$seconds" \
        -f lavfi -i "$sound" \
        -c:v libx264 -preset ultrafast -tune fastdecode -pix_fmt yuv420p \
        -g 50 -b:v 800k -maxrate 800k -minrate 800k -bufsize 800k \
        -x264-params nal-hrd=cbr -c:a aac -b:a 64k -ac 2 \
        -movflags +faststart plain.mp4

    : > .done
) 9>"$dir/.lock" || { echo "the media were not made" >&2; exit 1; }

echo "$dir"
