#!/bin/sh
# Fails when an archive of a pure layer refers to a clock, a file, a socket, a thread, a random
# device, the environment or a log. Values in, values out: design, section 2.
set -eu
archive=$1
names=$(nm --undefined-only --format=posix "$archive")
clocks='clock_gettime|gettimeofday|^time$|localtime|mktime|nanosleep|usleep|chrono.*clock.*now'
files='^(f|fd|fre)?open(at)?(64)?$|^(f|l)?stat(64)?$|^(un)?link(at)?$|^rename(at)?$|^mkdir|^remove$|^p?(read|write)v?(64)?$|filesystem|basic_[io]?fstream|basic_filebuf'
sockets='^(socket|bind|connect|listen|accept4?|poll|select|epoll_.*)$|^send(to|msg)?$|^recv(from|msg)?$'
output='^(std(in|out|err))$|^v?f?printf$|^f?put[cs]$|^fwrite$|_ZSt4(cout|cerr|clog)|spdlog'
other='pthread_create|_ZNSt6thread|^fork$|^exec[lv]|^system$|getenv|^getrandom|random_device|^s?rand$'
found=$(echo "$names" | awk '{print $1}' | grep -E "$clocks|$files|$sockets|$output|$other" | sort -u || true)
if [ -n "$found" ]; then
    echo "$archive is a pure layer and must not use:" >&2
    echo "$found" | c++filt >&2
    exit 1
fi
