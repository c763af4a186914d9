"""Makes frozen dataclasses with slots that cost little, both to define and to make; `dataclasses` does all others.

`dataclass` here is the one of the standard library to readers and type checkers, and differs in two ways:

- A class is defined in a quarter of the time: its methods are compiled in one piece, and those that are the same for
  all classes are shared. The standard library compiles six pieces a class, which took a fifth of a node's start.
- A value is made in a third of the time where it has three fields or more. A frozen dataclass stores each field by a
  call, because its own assignment refuses; here a value is of a mutable twin with the same slots until its fields are
  stored, which plain assignments do.

What is unusual (a base class, fields that the constructor takes by name alone, an order) is left to the standard
library.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError
from inspect import get_annotations
from typing import TYPE_CHECKING, Any, Final

FIELDS_MIN: Final = 3
"""From so many fields on a mutable twin pays."""

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(made=None, /, *, frozen=False, slots=False, **options):
        """Do what `dataclasses.dataclass` does, in the cheaper way where the class is frozen and has slots."""
        if made is None:
            return lambda later: dataclass(later, frozen=frozen, slots=slots, **options)
        if frozen and slots and not options and _is_usual(made):
            return _frozen(made)
        return dataclasses.dataclass(made, frozen=frozen, slots=slots, **options)


_NO_VALUE: Final = object()
"""What a parameter is by default whose field has a factory."""


def _is_usual(made: type) -> bool:
    """Tell whether a class has no base, and nothing but annotations and plain fields."""
    given = [made.__dict__.get(name) for name in get_annotations(made)]
    fields = [value for value in given if isinstance(value, Field)]
    unlike = any(value.kw_only is True or value.hash is not None or _is_unset(value) for value in fields)
    return made.__mro__ == (made, object) and not unlike


def _is_unset(field: Field[Any]) -> bool:
    """Tell whether neither the constructor's caller nor `__post_init__` gives a field its value."""
    return not field.init and (field.default is not MISSING or field.default_factory is not MISSING)


def _frozen(described: type) -> type:
    # A class without a docstring would get one made of its signature, which nobody reads.
    described.__doc__ = described.__doc__ or described.__name__
    # The fields are found as ever, so that fields(), replace() and asdict() work; no method is made.
    dataclasses.dataclass(init=False, repr=False, eq=False)(described)
    fields = dataclasses.fields(described)
    names = tuple(field.name for field in fields)
    own = {name: value for name, value in vars(described).items() if name not in (*names, "__dict__", "__weakref__")}
    shared: dict[str, Any] = {
        "__slots__": names,
        "__setattr__": _refuse_assignment,
        "__delattr__": _refuse_deletion,
        "__getstate__": _state_of,
        "__setstate__": _set_state,
        "__repr__": _representation,
    }
    made: type = type(described)(described.__name__, (), {**shared, **own, "__slots__": names})
    made.__qualname__ = described.__qualname__
    annotations = {**{field.name: field.type for field in fields if field.init}, "return": None}
    for method in _compiled(made, fields):
        # An own __eq__ leaves __hash__ at None, which counts as not written.
        if own.get(method.__name__) is None:
            method.__qualname__ = f"{made.__qualname__}.{method.__name__}"
            method.__annotations__ = annotations if method.__name__ == "__init__" else {}
            setattr(made, method.__name__, method)
    return made


def _compiled(made: type, fields: tuple[Field[Any], ...]) -> list[Callable[..., Any]]:
    """Return the constructor, the comparison and the hash of a class."""
    scope: dict[str, Any] = {"__made__": made, "__turn__": object.__dict__["__class__"].__set__, "__no__": _NO_VALUE}
    parameters, values = [], []
    given = [field for field in fields if field.init]
    for field in given:
        parameters.append(field.name)
        values.append(field.name)
        if field.default is not MISSING:
            scope[f"__{field.name}__"] = field.default
            parameters[-1] = f"{field.name}=__{field.name}__"
        elif field.default_factory is not MISSING:
            scope[f"__{field.name}__"] = field.default_factory
            parameters[-1] = f"{field.name}=__no__"
            values[-1] = f"__{field.name}__() if {field.name} is __no__ else {field.name}"
    names = tuple(field.name for field in given)
    if len(names) < FIELDS_MIN:
        scope["__put__"] = object.__setattr__
        stores = [f"__put__(self, {name!r}, {value})" for name, value in zip(names, values, strict=True)]
    else:
        about = {
            "__slots__": tuple(field.name for field in fields),
            "__doc__": "Fields on their way into a frozen value.",
        }
        scope["__twin__"] = type(made.__name__, (), about)
        plain = [f"self.{name} = {value}" for name, value in zip(names, values, strict=True)]
        stores = ["__turn__(self, __twin__)", *plain, "self.__class__ = __made__"]
    if hasattr(made, "__post_init__"):
        stores.append("self.__post_init__()")
    compared = [field.name for field in fields if field.compare]
    mine = "".join(f"self.{name}, " for name in compared)
    lines = [
        f"def __init__({', '.join(['self', *parameters])}):",
        *(f"    {line}" for line in stores or ["pass"]),
        "def __eq__(self, other):",
        "    if other.__class__ is not self.__class__:",
        "        return NotImplemented",
        f"    return ({mine}) == ({''.join(f'other.{name}, ' for name in compared)})",
        f"def __hash__(self):\n    return hash(({mine}))",
    ]
    # The way in which dataclasses make theirs; nothing but names of fields, which are identifiers, enters the text.
    exec("\n".join(lines), scope)  # noqa: S102
    return [scope[name] for name in ("__init__", "__eq__", "__hash__")]


def _refuse_assignment(self: object, name: str, _: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state_of(self: Any) -> list[Any]:
    return [getattr(self, name) for name in self.__slots__]


def _set_state(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__slots__, state, strict=True):
        object.__setattr__(self, name, value)


def _representation(self: Any) -> str:
    shown = (field.name for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"
