"""Find every error code in the sources, and how each is raised.

A call counts if the function or class that it calls has a parameter `code`. So the collection depends on neither the
names of files nor those of classes: the shape of a class shows what its codes are.
"""

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from pydantic_core import PydanticCustomError, core_schema

import clipcast

# Packages without codes of their own that callers of the API see.
LEFT_OUT = ("cli", "web", "sandbox", "migrations", "testing", "sdk", "mcp")
PYDANTIC_ERRORS = set(get_args(core_schema.ErrorType))
# Expressions that pass on a code, which is counted where it was made.
PASSED_ON = {"code", "type"}
# Stands for a part of a text that is known only when the program runs; messages may also have fields in braces.
LATER = "\0"
FIELD = re.compile(r"\{[a-z_]+\}")


@dataclass(frozen=True)
class Use:
    """One place that makes an error, a problem or a warning with this code.

    `code` holds `*` for each part that is not in the sources. `shape` is the page's section.
    """

    code: str
    shape: str
    module: str
    line: int
    status: str = ""
    kind: str = ""
    actor: str = ""
    message: str = ""
    fix: str = ""


@dataclass
class Collection:
    """All uses, and the places whose code cannot be read from the sources."""

    uses: list[Use] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def collect() -> Collection:
    """Return what all modules of Clipcast make."""
    found = Collection()
    for info in pkgutil.walk_packages(clipcast.__path__, clipcast.__name__ + "."):
        if not set(LEFT_OUT) & set(info.name.split(".")) and not info.name.endswith(".__main__"):
            module = importlib.import_module(info.name)
            read(module, Path(str(module.__file__)).read_text(), found)
            found.uses += _validation_table(module)
    return found


def read(module: ModuleType, source: str, found: Collection) -> None:
    """Add what a module with this source makes."""
    _Reader(module, found).visit(ast.parse(source))


def _validation_table(module: ModuleType) -> Iterator[Use]:
    """Yield the codes of a table that is keyed by pydantic's names of errors."""
    for table in vars(module).values():
        if isinstance(table, dict) and len(table) > 1 and set(table) <= PYDANTIC_ERRORS:
            for code, message in table.values():
                yield Use(code, "row", module.__name__, 0, message=message)


class _Reader(ast.NodeVisitor):
    """Read the calls of one module."""

    def __init__(self, module: ModuleType, found: Collection) -> None:
        self.module = module
        self.found = found
        self.functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = []
        self.classes: list[str] = []

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.functions.append(node)
        self.generic_visit(node)
        self.functions.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.classes.append(node.name)
        self.generic_visit(node)
        self.classes.pop()

    def visit_Dict(self, node: ast.Dict) -> None:
        """Count objects that are written out: `{"code": "...", "message": ...}`."""
        keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        if "code" in keys and "message" in keys and not {"status", "path"} & set(keys):
            values = dict(zip(keys, node.values, strict=True))
            for code in self._texts(values["code"]):
                self._add(code, "skipped", node.lineno, message=self._text(values["message"]))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        called = self._called(node.func)
        if called is PydanticCustomError:
            for code in self._texts(node.args[0]):
                self._add(code, "row", node.lineno, message=self._text(node.args[1]))
            return
        arguments = _bind(called, node)
        shape = _shape(called) if arguments and "code" in arguments else None
        if shape is None:
            return
        codes = list(self._texts(arguments["code"]))
        if not codes and not self._is_passed_on(arguments["code"]):
            self.found.unreadable.append(f"{self.module.__name__}:{node.lineno}: {ast.unparse(arguments['code'])}")
        error = self._called(arguments["error"]) if "error" in arguments else called
        for code in codes:
            self._add(
                code, shape, node.lineno,
                status=self._text(arguments.get("status")) or _passed_status(called),
                kind=str(getattr(error, "kind", "")),
                actor=self._text(arguments.get("actor")) or str(getattr(error, "actor", "")),
                message=self._text(arguments.get("message")) or self._text(arguments.get("detail")),
                fix=self._text(arguments.get("fix")),
            )  # fmt: skip

    def _add(self, code: str, shape: str, line: int, **more: str) -> None:
        self.found.uses.append(Use(code.replace(LATER, "*"), shape, self.module.__name__, line, **more))

    def _called(self, node: ast.expr) -> Any:
        """Return the object that an expression of names means; None if it is not known before the program runs."""
        if isinstance(node, ast.Name):
            return vars(self.module).get(node.id)
        if isinstance(node, ast.Attribute):
            if ast.unparse(node) == "super().__init__" and self.classes:
                return getattr(self.module, self.classes[-1], object).__mro__[1]
            owner = self._called(node.value)
            return getattr(owner, node.attr, None) if owner is not None else None
        return None

    def _texts(self, node: ast.expr) -> Iterator[str]:
        """Yield each text that an expression may be, with LATER for the parts that are known when it runs."""
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.IfExp():
                yield from self._texts(node.body)
                yield from self._texts(node.orelse)
            case ast.BoolOp():
                for value in node.values:
                    yield from self._texts(value)
            case ast.JoinedStr():
                yield "".join(part.value if isinstance(part, ast.Constant) else LATER for part in node.values)
            case ast.BinOp(op=ast.Add()):
                sides = [next(self._texts(side), LATER) for side in (node.left, node.right)]
                if sides != [LATER, LATER]:
                    yield "".join(sides)
            case ast.Name():
                yield from self._assigned(node.id)

    def _assigned(self, name: str, before: int | None = None) -> Iterator[str]:
        """Yield the texts that a variable is given in the module, and in the function up to a line."""
        if isinstance(value := vars(self.module).get(name), str):
            yield value
        for function in self.functions[-1:]:
            assignments = [statement for statement in ast.walk(function) if isinstance(statement, ast.Assign)]
            for statement in sorted(assignments, key=lambda statement: statement.lineno):
                if before is None or statement.lineno <= before:
                    for target in statement.targets:
                        yield from self._matched(target, statement.value, name)

    def _matched(self, target: ast.expr, value: ast.expr, name: str) -> Iterator[str]:
        if isinstance(value, ast.IfExp):
            yield from self._matched(target, value.body, name)
            yield from self._matched(target, value.orelse, name)
        elif isinstance(target, ast.Name) and target.id == name:
            yield from self._texts(value)
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for one, its in zip(target.elts, value.elts, strict=False):
                yield from self._matched(one, its, name)

    def _is_passed_on(self, node: ast.expr) -> bool:
        """Return whether the code comes from another error, a parameter, or a table that is counted."""
        if isinstance(node, ast.Constant):
            return node.value is None
        names = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
        names |= {str(part.value) for part in ast.walk(node) if isinstance(part, ast.Constant)}
        for function in self.functions[-1:]:
            parameters = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
            names |= parameters & {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        return bool(names & PASSED_ON)

    def _text(self, node: ast.expr | None) -> str:
        if node is None:
            return ""
        if isinstance(node, ast.Constant):
            return "" if node.value is None else str(node.value)
        texts = list(self._assigned(node.id, node.lineno)) if isinstance(node, ast.Name) else list(self._texts(node))
        return FIELD.sub("…", texts[-1].replace(LATER, "…")) if texts else ""


def _bind(called: Any, node: ast.Call) -> dict[str, ast.expr]:
    """Return the arguments of a call by the names of its parameters."""
    try:
        names = list(inspect.signature(called).parameters)
    except (TypeError, ValueError):
        return {}
    arguments = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    return dict(zip(names, node.args, strict=False)) | arguments


def _shape(called: Any) -> str | None:
    """Return which section the codes of a call belong to, by what is called; None for what is no error."""
    if inspect.isfunction(called):
        return next((shape for shape, _ in _inside(called)), None)
    if not inspect.isclass(called):
        return None
    names = set(inspect.signature(called).parameters)
    if "http_status" in names:  # what a platform responded
        return None
    if "status" in names:
        return "api"
    if hasattr(called, "retryable") or "error" in names:
        return "item"
    if names == {"code", "message", "fix"}:
        return "warning"
    return "row" if "message" in names else None


def _inside(function: Any) -> Iterator[tuple[str, str]]:
    """Yield the shape and the status of the errors to which a function passes its parameter `code`."""
    module = inspect.getmodule(function)
    assert module is not None
    reader = _Reader(module, Collection())
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.Call):
            called = reader._called(node.func)
            arguments = _bind(called, node)
            code = arguments.get("code")
            if isinstance(code, ast.Name) and code.id == "code" and (shape := _shape(called)):
                yield shape, reader._text(arguments.get("status"))


def _passed_status(called: Any) -> str:
    return next((status for _, status in _inside(called)), "") if inspect.isfunction(called) else ""
