"""All routes, and the document that describes them."""

from __future__ import annotations

import re
from typing import Any

from . import (
    advice,
    bases,
    blocks,
    captions,
    downloads,
    general,
    grid_choice,
    grids,
    import_settings,
    jobs,
    loop,
    picture_report,
    pictures,
    plan_fixes,
    prior,
    reg,
    starts,
    symptoms,
    tools,
    uploads,
    variants,
    wd14,
)
from .calls import PREFIX, Answer, Call, Route, routes_of


def get_openapi(call: Call) -> Answer:
    return openapi(call.workbench.loaded)


OWN: tuple[Route, ...] = (
    *routes_of(general.ROUTES, jobs.ROUTES, pictures.ROUTES, captions.ROUTES, reg.ROUTES),
    *routes_of(grids.ROUTES, grid_choice.ROUTES, prior.ROUTES, blocks.ROUTES, loop.ROUTES, import_settings.ROUTES),
    *routes_of(tools.ROUTES, starts.ROUTES, picture_report.ROUTES, variants.ROUTES),
    *routes_of(uploads.ROUTES, downloads.ROUTES),
    *routes_of(advice.ROUTES, bases.ROUTES, plan_fixes.ROUTES, symptoms.ROUTES),
    Route("GET", f"{PREFIX}/openapi.json", get_openapi, "this document"),
)
WD14: tuple[Route, ...] = wd14.ROUTES


def openapi(version: str) -> dict[str, Any]:
    """An OpenAPI 3 document made from the table."""
    paths: dict[str, dict[str, Any]] = {}
    for route in (*OWN, *WD14):
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.0.3",
        "info": {"title": "LoRA Workbench", "version": version[:10] or "0"},
        "paths": paths,
        "components": {
            "schemas": {
                "Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}},
            }
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    parameters = [_parameter(name, "path") for name in re.findall(r"\{(\w+)\}", route.path)]
    parameters += [_parameter(name, "query") for name in route.query]
    if route.method == "POST" and not route.outside:
        parameters.append({**_parameter("X-LoRA-Workbench", "header"), "required": True})
    error = {"description": "refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    operation: dict[str, Any] = {
        "summary": route.what,
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path.removeprefix(PREFIX)}").strip("_"),
        "parameters": parameters,
        "responses": {"200": {"description": "done"}, "default": error},
    }
    if route.raw:
        binary = {"type": "string", "format": "binary"}
        operation["requestBody"] = {"content": {"application/octet-stream": {"schema": binary}}}
    elif route.method == "POST":
        schema = {"type": "object", "properties": {name: {} for name in route.body}, "additionalProperties": False}
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return operation


def _parameter(name: str, place: str) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": {"type": "string"}}
