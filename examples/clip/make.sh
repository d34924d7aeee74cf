#!/bin/sh
#
# Makes the clip of the examples in this directory again: 48 s of a clock, in
# two renditions that say which they are, as fragmented MP4 (H.264, no sound),
# with one manifest for HLS and one for DASH over the same bytes.  Everything
# is drawn by ffmpeg, so the clip is free of anybody's rights.
#
# Needs ffmpeg and fonts-dejavu-core; the files are in the tree, so that nobody
# else needs them.

set -eu

cd "$(dirname "$0")"

font=/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf
seconds=48

# The clock and a mark that crosses the picture once in the clip.
# the dollars and per cents are ffmpeg's
# shellcheck disable=SC2016
clock="drawtext=fontfile=$font:fontsize=104:fontcolor=white:\
x=96:y=104:text='%{eif\:t\:d\:2}.%{eif\:mod(t*10,10)\:d}',\
drawtext=fontfile=$font:fontsize=30:fontcolor=white@0.75:x=430:y=168:\
text='of $seconds s'"

label() {
    printf '%s' "drawtext=fontfile=$font:fontsize=26:fontcolor=white@0.75:\
x=40:y=34:text='$1'"
}

rm -f ./*.mp4 ./*.m3u8 ./*.mpd

# shellcheck disable=SC2016
ffmpeg -hide_banner -loglevel error -nostdin \
    -f lavfi -i "gradients=s=640x360:r=25:d=$seconds:c0=0x0b2447:c1=0x19747e:\
n=2:x0=0:y0=0:x1=640:y1=360:speed=0.00001" \
    -f lavfi -i "color=0xffffff30:s=560x14:r=25:d=$seconds,format=rgba" \
    -f lavfi -i "color=0xf2b138:s=28x28:r=25:d=$seconds" \
    -filter_complex "[0][1]overlay=40:292[a];\
[a][2]overlay=x='40+t*532/$seconds':y=285,$clock,split[b][c];\
[b]$(label '360p'),format=yuv420p[hi];\
[c]$(label '180p'),scale=320:180,format=yuv420p[lo]" \
    -map '[lo]' -map '[hi]' -t "$seconds" \
    -c:v libx264 -preset veryslow -profile:v main \
    -g 50 -keyint_min 50 -sc_threshold 0 -flags +cgop \
    -crf:v:0 36 -crf:v:1 33 \
    -f dash -seg_duration 2 -single_file 1 -use_template 0 -use_timeline 0 \
    -single_file_name '$RepresentationID$.mp4' \
    -adaptation_sets 'id=0,streams=v' \
    -hls_playlist 1 -hls_master_name master.m3u8 manifest.mpd

# players would take the date of the making for the time of a broadcast
sed -i '/PROGRAM-DATE-TIME/d' media_0.m3u8 media_1.m3u8

mv 0.mp4 180p.mp4
mv 1.mp4 360p.mp4
mv media_0.m3u8 180p.m3u8
mv media_1.m3u8 360p.m3u8
sed -i 's/\b0\.mp4/180p.mp4/; s/\b1\.mp4/360p.mp4/; s/media_0/180p/; s/media_1/360p/' \
    ./*.m3u8 manifest.mpd
