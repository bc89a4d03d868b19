"""What a GraphQL request asks for: its kinds of operation, and the names of its mutations.

A request that cannot be understood whole is refused: the server behind might understand it otherwise.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)

MAX_CHARACTERS = 200_000
"""Characters of a document. Chosen by hand: far above the documents of the Dagster UI."""
_MAX_TOKENS = 20_000
"""Chosen by hand: far above the documents of the Dagster UI. It bounds the time of parsing."""
_MAX_COMMENTS = 1_000
"""Chosen by hand. Comments are no tokens, so they need a bound of their own."""

ACTION_OF_MUTATION: Mapping[str, str] = MappingProxyType(
    {
        "launchRun": "launch",
        "launchPipelineExecution": "launch",
        "launchMultipleRuns": "launch",
        "launchRunReexecution": "launch",
        "launchPipelineReexecution": "launch",
        "launchPartitionBackfill": "launch",
        "terminateRun": "terminate",
        "terminateRuns": "terminate",
        "terminatePipelineExecution": "terminate",
        "cancelPartitionBackfill": "terminate",
        "logTelemetry": "look",
        "setNuxSeen": "look",
        "__typename": "look",
    }
)
"""Mutation of Dagster to the action that it is; whatever is not here is one that only an admin may do."""
UNKNOWN_ACTION = "administer"


class NotUnderstoodError(Exception):
    """The request is no GraphQL that the guard can read to its end."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Kinds of operation of a document (`query`, `mutation`, `subscription`), and its mutations by name."""

    kinds: frozenset[str]
    mutations: frozenset[str]

    @property
    def actions(self) -> frozenset[str]:
        """What has to be allowed, all of it."""
        return frozenset({"look"} | {ACTION_OF_MUTATION.get(name, UNKNOWN_ACTION) for name in self.mutations})


def read_operations(query: object) -> Asked:
    """What a document asks for, in any of its operations.

    Raises:
        NotUnderstoodError: it is no text, too long, too deep, or no GraphQL.
    """
    if not isinstance(query, str) or len(query) > MAX_CHARACTERS:
        raise NotUnderstoodError("no GraphQL document, or too long a one")
    try:
        document = parse(query, max_lexical_tokens=_MAX_TOKENS, max_comments=_MAX_COMMENTS)
    except (GraphQLError, RecursionError) as error:
        raise NotUnderstoodError("the GraphQL document cannot be read") from error
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if not operations:
        raise NotUnderstoodError("the GraphQL document has no operation")
    mutations = [node for node in operations if node.operation.value == "mutation"]
    names = {name for node in mutations for name in _fields(node.selection_set, document, frozenset())}
    return Asked(frozenset(node.operation.value for node in operations), frozenset(names))


def _fields(selection: SelectionSetNode, document: DocumentNode, seen: frozenset[str]) -> Iterator[str]:
    """Names of the fields of a selection, through its fragments."""
    for node in selection.selections:
        if isinstance(node, FieldNode):
            yield node.name.value
        elif isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name in seen:
                raise NotUnderstoodError("a fragment refers to itself")
            yield from _fields(_fragment(name, document).selection_set, document, seen | {name})
        else:
            yield from _fields(node.selection_set, document, seen)  # type: ignore[attr-defined]


def _fragment(name: str, document: DocumentNode) -> FragmentDefinitionNode:
    found = [
        node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode) and node.name.value == name
    ]
    if len(found) != 1:
        raise NotUnderstoodError("a fragment is missing or named twice")
    return found[0]
