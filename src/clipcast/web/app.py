"""The app for people: the routers of all pages, and the static files."""

from fastapi import FastAPI

from clipcast.web import (
    account,
    bulk,
    calendar,
    calendar_moves,
    calendar_queue,
    client_link,
    client_logo,
    client_reviewers,
    client_times,
    clients,
    clip_editor,
    clip_library,
    clips,
    compose,
    connect,
    connecting,
    connection_actions,
    connections,
    csv_import,
    developers,
    draft_actions,
    edit_files,
    edit_templates,
    errors,
    events,
    gallery,
    jobs,
    keys,
    notices,
    notifications,
    oauth,
    overview,
    palette,
    phone,
    post_actions,
    post_export,
    post_page,
    post_views,
    posts,
    push,
    reference,
    review_link,
    reviews,
    sent,
    settings,
    sign_in,
    small_pictures,
    webhooks,
)
from clipcast.web.errors import show
from clipcast.web.icons import OF_PLATFORMS, STATIC, serve_sprite
from clipcast.web.pages import StaticPages
from clipcast.web.viewers import admit

__all__ = ["admit", "install", "show"]


def install(app: FastAPI) -> None:
    """Add the pages to the application."""
    pages = (
        client_link, client_logo, connecting, connection_actions,
        overview, sign_in, account, connect, connections, clients, client_times, client_reviewers,
        clip_library, clips, clip_editor,
        edit_files, edit_templates, compose, bulk, csv_import, draft_actions, post_views, post_export, posts, post_page,
        post_actions,
        sent, calendar, calendar_moves, jobs, keys, settings, oauth, notifications, notices, phone, push, developers,
        webhooks, reference, events, gallery, palette,
    )  # fmt: skip
    for page in (*pages, calendar_queue, reviews, review_link, small_pictures):
        app.include_router(page.router)
    app.add_route(OF_PLATFORMS, serve_sprite)
    app.mount("/static", StaticPages(directory=STATIC), name="static")
    errors.install(app)
