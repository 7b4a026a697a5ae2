#!/bin/sh
# Encodes the demo origin's clips: run by hand by a maintainer, never by a build or a test.
#
# Each clip is one loop of LOOP seconds as fragmented MP4, one fragment per 2 s segment. LOOP is a multiple
# of 8 s, the shortest span that holds a whole number of segments and of 1024-sample AAC frames at 48 kHz.
# The bytes are small on purpose: the origin pads each segment to its rung's declared rate.
#
# Needs ffmpeg with libx264 and drawtext. The rungs repeat the table in ../src/ladder.rs; its tests compare both.
set -eu

LOOP=24
FPS=25
SEGMENT=2
FONT=${FONT:-/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# rung NAME WIDTH HEIGHT PROFILE LEVEL CRF RATE-LABEL
rung() {
    name=$1 width=$2 height=$3 profile=$4 level=$5 crf=$6 label=$7
    text="fontfile=$FONT:fontcolor=white:box=1:boxcolor=black@0.75:boxborderw=$((height / 60))"
    # The dot swings once in 4 s and the corner flashes with the beep, so the last frame runs into the first.
    ffmpeg -nostdin -v error -y \
        -f lavfi -i "smptehdbars=size=${width}x${height}:rate=$FPS:duration=$LOOP" \
        -f lavfi -i "color=white:size=$((height / 24 * 2))x$((height / 24 * 2)):rate=$FPS:duration=$LOOP" \
        -filter_complex "[0][1]overlay=x='(W-w)/2*(1-cos(PI*t/2))':y='H*0.6':shortest=1,\
drawbox=x=0:y=0:w=ih/8:h=ih/8:color=white:t=fill:enable='lt(mod(n,$FPS),2)',\
drawtext=$text:fontsize=h/9:x=(w-tw)/2:y=h*0.16:text='%{pts\\:hms}',\
drawtext=$text:fontsize=h/14:x=(w-tw)/2:y=h*0.34:text='frame %{eif\\:n\\:d\\:3} of $((LOOP * FPS))',\
drawtext=$text:fontsize=h/14:x=(w-tw)/2:y=h*0.46:text='$name  ${width}x$height  $label',format=yuv420p[v]" \
        -map '[v]' -c:v libx264 -preset veryslow -tune animation -profile:v "$profile" -level:v "$level" -crf "$crf" \
        -bf 0 -g $((FPS * SEGMENT)) -keyint_min $((FPS * SEGMENT)) -sc_threshold 0 -flags +cgop+bitexact \
        -color_primaries bt709 -color_trc bt709 -colorspace bt709 -threads 1 \
        -movflags +frag_keyframe+empty_moov+default_base_moof+skip_trailer -use_editlist 0 \
        -video_track_timescale 90000 -fflags +bitexact -map_metadata -1 -f mp4 "$here/$name.mp4"
}

# audio NAME: a steady 440 Hz and a 1 kHz beep in the first 80 ms of each second.
audio() {
    name=$1
    tone="0.05*sin(2*PI*440*t)+0.2*sin(2*PI*1000*t)*lt(mod(t,1),0.08)"
    # Three loops are encoded and the middle one is kept, so the first frame overlaps a copy of the last and the
    # seam cannot be heard. The cut starts one frame late to drop the encoder's 1024 samples of delay.
    frames=$((LOOP * 48000 / 1024))
    ffmpeg -nostdin -v error -y -f lavfi -i "aevalsrc='$tone|$tone':s=48000:d=$((LOOP * 3))" \
        -c:a aac -b:a 64k -flags +bitexact -fflags +bitexact -f adts "$work/three.aac"
    ffmpeg -nostdin -v error -y -i "$work/three.aac" -c:a copy \
        -bsf:a "noise=drop='lt(n\,$((frames + 1)))+gte(n\,$((2 * frames + 1)))'" -f adts "$work/loop.aac"
    # The segmenting muxer cuts at multiples of 2 s; fragments counted by duration would drift.
    ffmpeg -nostdin -v error -y -i "$work/loop.aac" -c:a copy -bsf:a aac_adtstoasc -map_metadata -1 \
        -fflags +bitexact -flags +bitexact -f hls -hls_time $SEGMENT -hls_list_size 0 -hls_segment_type fmp4 \
        -hls_segment_options use_editlist=0 \
        -hls_fmp4_init_filename init.mp4 -hls_segment_filename "$work/%02d.m4s" "$work/index.m3u8"
    cat "$work/init.mp4" "$work"/[0-9][0-9].m4s >"$here/$name.mp4"
}

rung v0 416 234 baseline 2.1 30 '0.4 Mbit/s'
rung v1 640 360 main 3.0 29 '0.8 Mbit/s'
rung v2 768 432 main 3.0 28 '1.6 Mbit/s'
rung v3 1280 720 high 3.1 28 '3.2 Mbit/s'
rung v4 1920 1080 high 4.0 30 '5.0 Mbit/s'
rung v5 1920 1080 high 4.0 26 '8.0 Mbit/s'
audio a1
