"""The data path: an in-process forward proxy that every byte of a BrowserContext passes, one port per profile.

``Front`` (front.py) listens; ``BrowserConnection`` reads requests; ``Relay`` (exchange.py) carries one request and
its response; ``UpstreamPool`` (upstream.py) reaches the hosts of a ``HostMap`` (hosts.py). ``FrontHooks`` (hooks.py)
is what the agent's shell plugs in, ``HostClient`` (client.py) how the agent itself reaches the same hosts.
"""
