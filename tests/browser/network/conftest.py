from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from agent.browser.network.ca import CertificateAuthority
from agent.browser.network.front import Front
from agent.browser.network.hosts import HostMap
from tests.browser.network.support import Recorder, World


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
async def world(authority: CertificateAuthority) -> AsyncIterator[World]:
    hooks = Recorder()
    async with HostMap() as hosts, Front(hosts, hooks, authority, front_id="alice") as front:
        yield World(hosts, hooks, authority, front)
