"""The schema of a contract's interface in the OpenAPI document; docs/contracts/abi.md says what it means."""

from typing import Any, Final

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
NAME: Final[Schema] = {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]*$"}
CODE: Final[Schema] = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}
TYPE: Final[Schema] = {
    "type": "string",
    "description": "bool, int, str, bytes, None, list[T], dict[str, T], T | None, or the name of a record",
}
LITERAL: Final[Schema] = {"description": 'A value as JSON; bytes are {"bytes": "00ff"}'}


def _exactly(properties: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def abi_schema() -> Schema:
    """Return the schema; it names every field, so that a new one is a new version of the form."""
    typed = {"name": NAME, "type": TYPE}
    field = _exactly({**typed, "since": {"type": "integer", "minimum": 1}, "default": LITERAL}, ("default",))
    optional = ("key", "default", "start")
    storage = {"name": NAME, "kind": {"enum": ["var", "map", "counter"]}, "key": _list(TYPE), "value": TYPE}
    literal = {"type": ["string", "null"]}
    method = {
        "name": NAME,
        "kind": {"enum": ["init", "migrate", "call", "view"]},
        "doc": TEXT,
        "params": _list(_exactly(typed)),
        "returns": TYPE,
        "errors": _list(CODE),
        "emits": _list(NAME),
        "invokes": _list(_exactly({"contract": literal, "method": literal})),
    }
    return _exactly(
        {
            "abi": {"const": 1},
            "language": {"type": "integer", "minimum": 1},
            "doc": TEXT,
            "constants": {"type": "object", "additionalProperties": LITERAL},
            "records": _list(
                _exactly({"name": NAME, "version": {"type": "integer", "minimum": 1}, "fields": _list(field)})
            ),
            "storage": _list(
                _exactly({**storage, "default": LITERAL, "start": {"type": "integer", "minimum": 0}}, optional)
            ),
            "events": _list(_exactly({"name": NAME, "fields": _list(_exactly(typed))})),
            "methods": _list(_exactly(method)),
            "engine_errors": _list(CODE),
        }
    )
