//! The WIT side of the `http` import.

use std::time::Duration;

use super::gate::{Refusal, Request};
use crate::bindings::muster::host::http::{Host, Request as WitRequest, Response as WitResponse};
use crate::bindings::muster::types::types::Error as WitError;
use crate::fault::NotAllowed;
use crate::role::Role;
use crate::store::StoreData;

impl Host for StoreData {
    async fn send(&mut self, request: WitRequest) -> wasmtime::Result<Result<WitResponse, WitError>> {
        if self.role != Role::Pool {
            return Err(
                NotAllowed(format!("a {} has no network: only pools may import muster:host/http", self.role)).into()
            );
        }
        let request = Request {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
            timeout: request.timeout.map(Duration::from_nanos),
        };
        let answer = self.services.http.send(&self.services.plugin, request).await;
        Ok(answer
            .map(|response| WitResponse {
                status: response.status,
                headers: response.headers,
                body: response.body,
                truncated: response.truncated,
            })
            .map_err(|refusal| match refusal {
                Refusal::Invalid(text) => WitError::Invalid(text),
                Refusal::NotGranted(text) => WitError::Unsupported(text),
                Refusal::Unavailable(text) => WitError::Unavailable(text),
            }))
    }
}
