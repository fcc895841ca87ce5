"""The channel between pages and the host: calls in, answers out, user activation beside them.

A page's script speaks through a DevTools binding whose random name is gone from the page before the page's first
script runs. Who calls is the execution context of the call, fixed by the browser when it made the realm.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Protocol

from agent.browser.debug_cookie import DebugCookies
from agent.browser.devtools_pipe import DevToolsPipe
from agent.browser.documents import Document, Frame, intermediary
from agent.browser.observer import Observer
from agent.browser.page_script import PageScriptConfig, page_script
from agent.browser.permissions import TOLD_FEATURES
from agent.browser.policy_notices import PolicyNotices
from agent.browser.sessions import ExecutionContext, Session
from agent.browser.worklet_scripts import WorkletScripts
from agent.model.rng import token
from agent.model.settings import Settings
from agent.model.tasks import Tasks

_log = logging.getLogger("tallyhost.channel")
ATTRIBUTION_REPORTING_CALLS = "attributionReporting"
"""What pages' scripts call Attribution Reporting on this channel."""
SHARED_STORAGE_CALLS = "sharedStorage"
"""What they call Shared Storage."""
PROTECTED_AUDIENCE_CALLS = "protectedAudience"
"""What they call Protected Audience."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who made a call: the realm's origin and the document it belongs to."""

    document: Document
    origin: str

    @property
    def intermediary_site(self) -> str | None:
        """Site of the calling realm where it is not same-site with the top level, else None."""
        return intermediary(self.origin, self.document.top.origin)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the page's own script made a page see thrown."""

    name: str
    """A JavaScript error class, the name of a DOMException, or ``exception`` for what code of the page threw."""
    message: str
    """One printable line."""


@dataclass(frozen=True, slots=True)
class PageCall:
    """One call of an API by a page, with its options after WebIDL conversion."""

    caller: Caller
    api: str
    """``attribution``, ``privateAttribution``, or one of the names above."""
    method: str
    options: Mapping[str, Any]
    answer_id: int
    """0 where the page awaits no answer."""
    session: str
    execution_context: int
    refused: Refusal | None = None
    """Set where the call ended in the page; it has no options then."""


class ProfileHost(Protocol):
    """The agent behind one BrowserContext."""

    @property
    def settings(self) -> Settings:
        """What its pages may see."""
        ...

    def page_called(self, call: PageCall) -> None:
        """A page of the profile called; calls come in the order of the page's program."""
        ...

    def user_acted(self, frame: Frame) -> None:
        """A user input event in ``frame`` activated its tab."""
        ...

    def user_activated(self, frame: Frame) -> None:
        """A script run by Playwright activated the top-level ``frame``."""
        ...

    def script_given(self, command: bytes) -> None:
        """Playwright gave a page a script, by the DevTools command ``command``."""
        ...

    def browser_ui_navigated(self, frame: Frame) -> None:
        """The top-level ``frame`` is navigated as by the address bar."""
        ...

    def navigated(self, frame: Frame, before: Document | None, document: Document) -> None:
        """The top-level ``frame`` committed ``document`` in the place of ``before``."""
        ...

    def document_committed(self, document: Document) -> None:
        """A document took its place in a frame, be it a top-level one or not."""
        ...

    def document_ended(self, document: Document) -> None:
        """A document is gone: another took its place, or its frame is gone."""
        ...

    def shows_selected_url(self, document: Document) -> bool:
        """Whether the document was chosen by ``selectURL``."""
        ...

    def fenced_frame_depth(self, document: Document) -> int:
        """How many ``<fencedframe>`` elements the document stands in."""
        ...

    def frame_navigation_asked(self, frame: Frame, url: str) -> None:
        """The navigation to ``url`` of ``frame``, which stands in another, was asked for."""
        ...

    def tab_navigation_asked(self, session: str, url: str) -> None:
        """Where ``session`` speaks for, a navigation of a tab to ``url``, or a new tab, was asked for."""
        ...


class HostChannel:
    """Arms every page and frame of the profiles it serves, and carries their calls."""

    def __init__(self, pipe: DevToolsPipe, observer: Observer, tasks: Tasks) -> None:
        self.profiles: dict[str, ProfileHost] = {}
        """The agents by BrowserContext id; contexts that are nobody's stay as they are."""
        self._pipe = pipe
        self._observer = observer
        self._tasks = tasks
        self._binding, self._activation_binding = f"b{token()}", f"a{token()}"
        self._resolver, self._world = f"r{token()}", f"w{token()}"
        self._realm_event = f"e{token()}"
        self.accept_parameter = f"t{token()[:6]}"
        """Names the parameter in ``Accept`` by which the pages' script marks its requests."""
        self.debug_cookies = DebugCookies(pipe)
        self.policy_notices = PolicyNotices(observer)
        self.worklet_scripts = WorkletScripts(pipe)
        self._scripts: dict[str, str] = {}
        self._activation_script = (
            resources.files("injected_js")
            .joinpath("user_activation.js")
            .read_text("utf-8")
            .replace("__TALLYHOST_BINDING__", self._activation_binding)
        )
        observer.armament = self
        observer.on_navigated.append(self._navigated)
        observer.on_browser_ui_navigation.append(self._browser_ui_navigated)
        observer.on_user_gesture.append(self._user_gesture)
        observer.on_script_given.append(self._script_given)
        observer.on_policy.append(self._policy)
        observer.on_frame_navigation_asked.append(self._frame_navigation_asked)
        observer.on_tab_navigation_asked.append(self._tab_navigation_asked)
        observer.on_realm_kept.append(self._realm_kept)
        observer.frames.on_committed.append(self._document_committed)
        observer.frames.on_unloaded.append(self._document_ended)
        pipe.on_browser[b"Runtime.bindingCalled"] = self._called

    def serve(self, context_id: str, profile: ProfileHost) -> None:
        """Serve the pages of a BrowserContext from now on; it must have none yet."""
        settings = profile.settings
        self._scripts[context_id] = page_script(
            PageScriptConfig(
                binding=self._binding,
                resolver=self._resolver,
                realm_event=self._realm_event,
                dialects=settings.dialects,
                services=settings.aggregation_services,
                allow_localhost=settings.limits.allow_localhost,
                attribution_reporting=settings.attribution_reporting,
                accept_parameter=self.accept_parameter,
                shared_storage_asks=not settings.shared_storage or settings.enrolled_sites is not None,
                shared_storage_limits=settings.shared_storage_limits,
                coordinators=settings.private_aggregation_limits.aggregation_coordinator_origins,
            )
        )
        self.profiles[context_id] = profile

    def release(self, context_id: str) -> None:
        """The BrowserContext is closed."""
        self.profiles.pop(context_id, None)
        self._scripts.pop(context_id, None)

    def arm(self, session: Session) -> None:
        """See :class:`agent.browser.observer.Armament`."""
        script = self._scripts.get(session.context_id)
        if script is None:
            return
        post = self._pipe.post
        post("Runtime.addBinding", {"name": self._binding}, session.id)
        post("Page.addScriptToEvaluateOnNewDocument", {"source": script, "runImmediately": True}, session.id)
        world = {"name": self._activation_binding, "executionContextName": self._world}
        post("Runtime.addBinding", world, session.id)
        isolated = {"source": self._activation_script, "worldName": self._world, "runImmediately": True}
        post("Page.addScriptToEvaluateOnNewDocument", isolated, session.id)

    def _called(self, raw: bytes) -> bool:
        message = json.loads(raw)
        params = message["params"]
        if params["name"] not in (self._binding, self._activation_binding):
            return False
        session = self._observer.sessions.get(message.get("sessionId", ""))
        context = None if session is None else session.contexts.get(params["executionContextId"])
        frame = None if context is None else self._observer.frames.frames.get(context.frame_id)
        profile = None if session is None else self.profiles.get(session.context_id)
        if session is None or context is None or frame is None or profile is None:
            _log.warning("a call from a realm that is gone was dropped")
            return True
        if params["name"] == self._activation_binding:
            profile.user_acted(frame)
        else:
            document = self._observer.frames.initial_document(frame, context.origin)
            profile.page_called(_read_call(params["payload"], document, context, session))
        return True

    def answer(self, call: PageCall, reply: Mapping[str, Any]) -> None:
        """Answer a call; a page that is gone does not hear it."""
        if call.answer_id:
            resolution = self._resolution(call.answer_id, reply, call.execution_context)
            self._pipe.post("Runtime.evaluate", resolution, call.session)

    def inform(self, call: PageCall, what: Mapping[str, Any]) -> None:
        """Tell the realm that made ``call`` something that it did not ask for; one that is gone does not hear it."""
        self._pipe.post("Runtime.evaluate", self._resolution(0, what, call.execution_context), call.session)

    def crash(self, document: Document) -> None:
        """End the process that ``document`` runs in."""
        if document.unloaded_at is None:
            self._pipe.post("Page.crash", {}, document.frame.session)

    def _resolution(self, answer_id: int, reply: Mapping[str, Any], execution_context: int) -> Mapping[str, Any]:
        text = json.dumps(json.dumps(reply, separators=(",", ":")))
        expression = f"{self._resolver}({answer_id},{text})"
        return {"expression": expression, "contextId": execution_context, "silent": True}

    def _policy(self, document: Document) -> None:
        if document.frame.context_id in self.profiles and (document.parent is not None or _policy_of(document)):
            self._tasks.start(self._tell_policy(document), "tell a document its policy")

    async def _tell_policy(self, document: Document) -> None:
        """Tell a document what this Chromium does not know: features that it must do without, and where it is shown."""
        await document.policy_known()
        statement = _policy_of(document)
        if (profile := self.profiles.get(document.frame.context_id)) is not None:
            if profile.shows_selected_url(document):
                statement["fence"] = True
            if depth := profile.fenced_frame_depth(document):
                statement["fencedFrameDepth"] = depth
        if statement:
            await self._tell(document, statement)
        self.policy_notices.told(document)

    def _realm_kept(self, document: Document) -> None:
        if document.frame.context_id in self.profiles:
            self._tasks.start(self._tell(document, {"newDocument": True}), "tell a kept realm")

    async def _tell(self, document: Document, what: Mapping[str, Any]) -> None:
        """Tell the script of a document something that it did not ask for, and wait until it has heard."""
        session = self._observer.sessions.get(document.frame.session)
        if session is None or document.frame.document is not document:
            return
        for context in list(session.contexts.values()):
            if context.frame_id == document.frame.id and not context.world:
                await self._pipe.call("Runtime.evaluate", self._resolution(0, what, context.id), session.id)

    def _navigated(self, frame: Frame, before: Document | None, document: Document) -> None:
        if (profile := self.profiles.get(frame.context_id)) is not None:
            profile.navigated(frame, before, document)

    def _frame_navigation_asked(self, frame: Frame, url: str) -> None:
        if (profile := self.profiles.get(frame.context_id)) is not None:
            profile.frame_navigation_asked(frame, url)

    def _tab_navigation_asked(self, session: Session, url: str) -> None:
        if (profile := self.profiles.get(session.context_id)) is not None:
            profile.tab_navigation_asked(session.id, url)

    def _document_committed(self, document: Document) -> None:
        if (profile := self.profiles.get(document.frame.context_id)) is not None:
            profile.document_committed(document)

    def _document_ended(self, document: Document) -> None:
        if (profile := self.profiles.get(document.frame.context_id)) is not None:
            profile.document_ended(document)

    def _browser_ui_navigated(self, frame: Frame) -> None:
        if (profile := self.profiles.get(frame.context_id)) is not None:
            profile.browser_ui_navigated(frame)

    def _script_given(self, session: Session, command: bytes) -> None:
        if (profile := self.profiles.get(session.context_id)) is not None:
            profile.script_given(command)

    def _user_gesture(self, frame: Frame) -> None:
        if (profile := self.profiles.get(frame.context_id)) is not None:
            profile.user_activated(frame)


def _policy_of(document: Document) -> dict[str, Any]:
    """What a document is told of the features that it, or some other origin, must do without; empty for nothing."""
    policy = document.policy
    allowlists = {feature: policy.allowlist(feature) for feature in TOLD_FEATURES}
    limited = {feature: origins for feature, origins in allowlists.items() if origins is not None}
    forbidden = [feature for feature in limited if not policy.allows(feature)]
    return {"withoutFeatures": forbidden, "featureAllowlists": limited} if limited else {}


def _read_call(payload: str, document: Document, context: ExecutionContext, session: Session) -> PageCall:
    call = json.loads(payload)
    refused = call.get("refused")
    return PageCall(
        Caller(document, context.origin),
        call["api"],
        call["method"],
        call.get("options", {}),
        call["id"],
        session.id,
        context.id,
        None if refused is None else Refusal(refused["name"], _printable(refused["message"])),
    )


def _printable(text: str) -> str:
    # A message quotes what the page gave: line ends and control sequences, say, that a terminal would obey.
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
