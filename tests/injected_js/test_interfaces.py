from __future__ import annotations

from typing import Any

import pytest

from agent.model.attribution import Dialect
from tests.injected_js.conftest import SERVICES, Host, NewHost
from tests.injected_js.idl import OPERATIONS, Operation

pytestmark = pytest.mark.browser

INTERFACES = ["Attribution", "AttributionAggregationServices", "PrivateAttribution"]
ATTRIBUTES = ["attribution", "privateAttribution"]
OBJECTS = {
    "Attribution": "navigator.attribution",
    "AttributionAggregationServices": "navigator.attribution.aggregationServices",
    "PrivateAttribution": "navigator.privateAttribution",
}
MEMBERS = {
    "Attribution": ["aggregationServices", "saveImpression", "measureConversion", "constructor"],
    "AttributionAggregationServices": [
        *("size", "entries", "forEach", "get", "has", "keys", "values", "constructor"),
    ],
    "PrivateAttribution": ["aggregationServices", "saveImpression", "measureConversion", "constructor"],
}
DESCRIBE = """
    const describe = (object, name) => {
      const d = Object.getOwnPropertyDescriptor(object, name);
      return { ...d, value: typeof d.value, get: typeof d.get, set: typeof d.set };
    };
    """


def data(*, writable: bool, enumerable: bool, configurable: bool, kind: str = "function") -> dict[str, Any]:
    flags = {"writable": writable, "enumerable": enumerable, "configurable": configurable}
    return {"value": kind, "get": "undefined", "set": "undefined", **flags}


ACCESSOR = {"value": "undefined", "get": "function", "set": "undefined", "enumerable": True, "configurable": True}


@pytest.mark.parametrize("name", INTERFACES)
async def test_an_interface_object_hangs_on_window_like_a_native_one(shared_host: Host, name: str) -> None:
    facts = await shared_host.run(
        f"""{DESCRIBE}
        const object = globalThis[argument];
        return [describe(globalThis, argument), Reflect.ownKeys(object), object.length, object.name,
          describe(object, "prototype"), Object.getPrototypeOf(object) === Function.prototype,
          Object.getPrototypeOf(object.prototype) === Object.prototype, object.prototype.constructor === object];
        """,
        name,
    )
    assert facts == [
        data(writable=True, enumerable=False, configurable=True),
        ["length", "name", "prototype"],
        0,
        name,
        data(writable=False, enumerable=False, configurable=False, kind="object"),
        *[True, True, True],
    ]


@pytest.mark.parametrize("name", INTERFACES)
async def test_a_prototype_object_has_the_members_of_its_interface_in_order(shared_host: Host, name: str) -> None:
    keys = await shared_host.run("return Reflect.ownKeys(globalThis[argument].prototype).map(String)", name)
    symbols = ["Symbol(Symbol.toStringTag)"]
    if name == "AttributionAggregationServices":
        symbols.append("Symbol(Symbol.iterator)")
    assert keys == [*MEMBERS[name], *symbols]


@pytest.mark.parametrize("name", INTERFACES)
async def test_members_have_the_descriptors_of_web_idl(shared_host: Host, name: str) -> None:
    body = f"{DESCRIBE} const p = globalThis[argument[0]].prototype; return argument[1].map((m) => describe(p, m));"
    expected = {
        "constructor": data(writable=True, enumerable=False, configurable=True),
        "aggregationServices": ACCESSOR,
        "size": ACCESSOR,
    }
    operation = data(writable=True, enumerable=True, configurable=True)
    facts = await shared_host.run(body, [name, MEMBERS[name]])
    assert facts == [expected.get(member, operation) for member in MEMBERS[name]]


@pytest.mark.parametrize("name", INTERFACES)
async def test_to_string_tag_names_the_interface(shared_host: Host, name: str) -> None:
    facts = await shared_host.run(
        f"""
        const d = Object.getOwnPropertyDescriptor({name}.prototype, Symbol.toStringTag);
        return [Object.prototype.toString.call({OBJECTS[name]}), d];
        """
    )
    descriptor = {"value": name, "writable": False, "enumerable": False, "configurable": True}
    assert facts == [f"[object {name}]", descriptor]


@pytest.mark.parametrize("name", INTERFACES)
async def test_an_interface_object_constructs_nothing(shared_host: Host, name: str) -> None:
    illegal = f"Failed to construct '{name}': Illegal constructor"
    assert await shared_host.thrown(f"new {name}()") == ["thrown", "TypeError", illegal]
    assert await shared_host.thrown(f"new (class extends {name} {{}})()") == ["thrown", "TypeError", illegal]
    assert await shared_host.thrown(f"{name}()") == ["thrown", "TypeError", "Illegal constructor"]


@pytest.mark.parametrize("name", INTERFACES)
async def test_objects_are_instances_without_own_properties(shared_host: Host, name: str) -> None:
    body = f"const o = {OBJECTS[name]}; return [o instanceof {name}, Reflect.ownKeys(o), Object.isExtensible(o)];"
    assert await shared_host.run(body) == [True, [], True]


@pytest.mark.parametrize("name", ATTRIBUTES)
async def test_navigator_attributes_are_readonly_and_give_the_same_object(shared_host: Host, name: str) -> None:
    facts = await shared_host.run(
        f"""{DESCRIBE}
        const d = Object.getOwnPropertyDescriptor(Navigator.prototype, argument);
        const first = navigator[argument];
        (0, eval)(`navigator.${{argument}} = 1`);
        return [describe(Navigator.prototype, argument), d.get.name, d.get.length, Reflect.ownKeys(d.get),
          navigator[argument] === first, Reflect.ownKeys(navigator).includes(argument)];
        """,
        name,
    )
    assert facts == [ACCESSOR, f"get {name}", 0, ["length", "name"], True, False]


@pytest.mark.parametrize("name", ATTRIBUTES)
async def test_assigning_a_navigator_attribute_throws_in_strict_code(shared_host: Host, name: str) -> None:
    thrown = await shared_host.thrown(f"(() => {{ 'use strict'; navigator.{name} = 1; }})()")
    message = f"Cannot set property {name} of #<Navigator> which has only a getter"
    assert thrown == ["thrown", "TypeError", message]


@pytest.mark.parametrize("receiver", ["{}", "null", "undefined", "1", "window", "Navigator.prototype", "document.body"])
@pytest.mark.parametrize(
    "getter",
    [
        *("Navigator.prototype|attribution", "Navigator.prototype|privateAttribution"),
        *("Attribution.prototype|aggregationServices", "PrivateAttribution.prototype|aggregationServices"),
        "AttributionAggregationServices.prototype|size",
    ],
)
async def test_a_getter_on_a_foreign_receiver_throws(shared_host: Host, getter: str, receiver: str) -> None:
    holder, name = getter.split("|")
    thrown = await shared_host.thrown(f"Object.getOwnPropertyDescriptor({holder}, '{name}').get.call({receiver})")
    assert thrown == ["thrown", "TypeError", "Illegal invocation"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
@pytest.mark.parametrize(
    "receiver", ["{}", "undefined", "window", "new EventTarget()", "document", "Object.create(OWN)"]
)
async def test_an_operation_on_a_foreign_receiver_fails_before_its_arguments_are_looked_at(
    shared_host: Host, operation: Operation, receiver: str
) -> None:
    expression = f"{operation.object}.{operation.name}.call({receiver.replace('OWN', operation.object)})"
    prefix = operation.context if operation.throws == "rejected" else ""
    assert await shared_host.thrown(expression) == [operation.throws, "TypeError", f"{prefix}Illegal invocation"]


async def test_one_interface_is_no_receiver_for_the_other(shared_host: Host) -> None:
    save = "PrivateAttribution.prototype.saveImpression.call(navigator.attribution, {})"
    assert await shared_host.thrown(save) == ["thrown", "TypeError", "Illegal invocation"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_an_operation_has_one_argument_and_needs_it(shared_host: Host, operation: Operation) -> None:
    function = f"{operation.object}.{operation.name}"
    assert await shared_host.run(f"return [{function}.length, {function}.name]") == [1, operation.name]
    missing = f"{operation.context}1 argument required, but only 0 present."
    assert await shared_host.thrown(f"{function}()") == [operation.throws, "TypeError", missing]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_an_operation_cannot_be_constructed(shared_host: Host, operation: Operation) -> None:
    body = f"""
        const f = {operation.object}.{operation.name};
        try {{ new f({{}}); }} catch (e) {{ return [e.constructor.name, e.message, Reflect.ownKeys(f)]; }}
        """
    assert await shared_host.run(body) == ["TypeError", "f is not a constructor", ["length", "name"]]


async def test_the_seed_lists_services_in_a_frozen_array_that_stays_the_same(shared_host: Host) -> None:
    facts = await shared_host.run(
        """
        const list = navigator.privateAttribution.aggregationServices;
        return [list, Array.isArray(list), Object.isFrozen(list), list.every(Object.isFrozen),
          list === navigator.privateAttribution.aggregationServices,
          Object.getPrototypeOf(list[0]) === Object.prototype];
        """
    )
    expected = [{"name": one.name, "apiVersion": one.api_version} for one in SERVICES]
    assert facts == [expected, True, True, True, True, True]


async def test_an_insecure_context_has_nothing(new_host: NewHost) -> None:
    host = await new_host("http://page.test/")
    names = [*INTERFACES, host.config.binding]
    body = "return [isSecureContext, argument[0].filter((n) => n in window), argument[1].filter((n) => n in navigator)]"
    assert await host.run(body, [names, ATTRIBUTES]) == [False, [], []]


@pytest.mark.parametrize(
    ("dialect", "interfaces", "attributes"),
    [
        (Dialect.CURRENT, ["Attribution", "AttributionAggregationServices"], ["attribution"]),
        (Dialect.LEVEL1_2024, ["PrivateAttribution"], ["privateAttribution"]),
    ],
)
async def test_one_dialect_alone_can_be_exposed(
    new_host: NewHost, dialect: Dialect, interfaces: list[str], attributes: list[str]
) -> None:
    host = await new_host(dialects=frozenset({dialect}))
    body = "return [argument[0].filter((n) => n in window), argument[1].filter((n) => n in navigator)]"
    assert await host.run(body, [INTERFACES, ATTRIBUTES]) == [interfaces, attributes]
