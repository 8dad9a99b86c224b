"""Worker: adds ports with ovsdbapp from one process that stays, as neutron-openvswitch-agent does it: all tables and
columns monitored. Arguments: the remote, the bridge.

There is no ovs-vswitchd, so the wait for cur_cfg after each commit is left out, as `ovs-vsctl --no-wait` does.
CPU is that of the whole process without the start of the interpreter and the imports.
"""
import json
import sys
import time

from ovsdbapp.backend.ovs_idl import connection
from ovsdbapp.schema.open_vswitch import impl_idl

impl_idl.OvsVsctlTransaction.do_post_commit = lambda self, txn: None

remote, bridge = sys.argv[1:3]
api = None

for line in sys.stdin:
    names = json.loads(line)["names"]
    cpu, started = time.process_time(), time.perf_counter()
    if api is None:
        idl = connection.OvsdbIdl.from_server(remote, "Open_vSwitch")
        api = impl_idl.OvsdbIdl(connection.Connection(idl=idl, timeout=120))
    for name in names:
        api.add_port(bridge, name).execute(check_error=True)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - started
    print(json.dumps({"cpuMs": cpu * 1e3, "wallMs": wall * 1e3}), flush=True)
