#!/bin/sh
#
# stream.sh DIR: writes a real HLS stream of 8 s with two renditions
# (H.264 and AAC in MPEG-TS) into DIR; master.m3u8 is its start.

set -eu

cd "$1"

ffmpeg -hide_banner -loglevel error -nostdin \
    -f lavfi -i testsrc=size=320x180:rate=25:duration=8 \
    -f lavfi -i sine=frequency=440:duration=8 \
    -map 0:v -map 1:a -map 0:v -map 1:a \
    -c:v libx264 -preset ultrafast -profile:v baseline -pix_fmt yuv420p \
    -g 50 -keyint_min 50 -sc_threshold 0 \
    -s:v:0 160x90 -b:v:0 100k -b:v:1 400k -c:a aac -b:a 32k \
    -f hls -hls_time 2 -hls_playlist_type vod \
    -hls_segment_filename 'v%v_%d.ts' -master_pl_name master.m3u8 \
    -var_stream_map 'v:0,a:0 v:1,a:1' 'v%v.m3u8'
