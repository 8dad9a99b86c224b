"""Worker: adds ports with ovs-vsctl, a process a port. Arguments: the remote, the bridge.

CPU is that of the child (wait4), start of the process included.
"""
import json
import os
import sys
import time

remote, bridge = sys.argv[1:3]
null = os.open(os.devnull, os.O_WRONLY)

for line in sys.stdin:
    cpu = 0.0
    started = time.perf_counter()
    for name in json.loads(line)["names"]:
        argv = ["ovs-vsctl", "--no-wait", "--no-syslog", "--db=" + remote, "add-port", bridge, name]
        pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
        _, status, usage = os.wait4(pid, 0)
        if status != 0:
            sys.exit("%s: wait status %d" % (" ".join(argv), status))
        cpu += usage.ru_utime + usage.ru_stime
    wall = time.perf_counter() - started
    print(json.dumps({"cpuMs": cpu * 1e3, "wallMs": wall * 1e3}), flush=True)
