//! The service over real sockets, with a real database, real blobs and logs, and a real coordinator.

mod browser;
mod builds;
mod chromium;
mod events;
mod health;
mod logs;
mod openapi;
mod pages;
mod recorded;
mod scene;
mod scopes;
mod server;
mod submit;
mod tokens;
mod trees;
mod unread;
