#!/bin/sh
# Fails when an archive of a pure layer refers to a clock, a file, a socket, a thread, a random
# device, the environment or a log. Values in, values out: design, section 2.
set -eu
archive=$1
forbidden='clock_gettime|gettimeofday|^time$|localtime|mktime|nanosleep|usleep|^open(at)?(64)?$|^fopen|^stat(64)?$|^socket$|^bind$|^connect$|^send(to|msg)?$|^recv(from|msg)?$|pthread_create|getenv|^getrandom|random_device|^s?rand$|chrono.*clock.*now|_ZNSt6thread|basic_[io]?fstream|_ZSt4cout|_ZSt4cerr|spdlog|^printf$|^puts$'
found=$(nm --undefined-only --format=posix "$archive" | awk '{print $1}' | grep -E "$forbidden" | sort -u || true)
if [ -n "$found" ]; then
    echo "$archive is a pure layer and must not use:" >&2
    echo "$found" | c++filt >&2
    exit 1
fi
