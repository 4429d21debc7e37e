#!/bin/bash
# healthy PORT PATH: whether this container answers 200 there. The shell alone asks: starting Python every few
# seconds in every container would cost more than what is asked.
exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$2" >&3
read -r -t 5 _ status _ <&3
[[ $status == 200 ]]
