"""A schema of OpenAPI checked against a value: what our own schemas use, and an error for anything else."""

KINDS = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict,
    "null": type(None),
}  # fmt: skip


def validated(value, schema, whole, where="$"):
    """Asserts that the value is what the schema says, and has no field that it does not name."""
    while "$ref" in schema:
        found = whole
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        assert any(_fits(value, choice, whole, where) for choice in choices), f"{where}: none of {len(choices)} choices"
        return
    if "type" in schema:
        assert isinstance(value, KINDS[schema["type"]]), f"{where}: {value!r} is no {schema['type']}"
        assert not (isinstance(value, bool) and schema["type"] in ("integer", "number")), where
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema.get("required", [])) <= set(value), f"{where}: a required field is missing"
        if not schema.get("additionalProperties"):
            assert set(value) <= set(schema["properties"]), f"{where}: {set(value) - set(schema['properties'])}"
        for name in set(value) & set(schema["properties"]):
            validated(value[name], schema["properties"][name], whole, f"{where}.{name}")
    if isinstance(value, list):
        shapes = schema.get("prefixItems") or [schema.get("items", {})] * len(value)
        for place, (one, shape) in enumerate(zip(value, shapes, strict=True)):
            validated(one, shape, whole, f"{where}[{place}]")


def _fits(value, schema, whole, where):
    try:
        validated(value, schema, whole, where)
    except AssertionError:
        return False
    return True
