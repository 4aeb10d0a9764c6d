//! The `clock` import: coarse enough for tokens and ages, for pools only.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::bindings::muster::host::clock::Host;
use crate::fault::NotAllowed;
use crate::role::Role;
use crate::store::StoreData;

impl Host for StoreData {
    async fn now(&mut self) -> wasmtime::Result<u64> {
        if self.role != Role::Pool {
            return Err(
                NotAllowed(format!("a {} has no clock: only pools may import muster:host/clock", self.role)).into()
            );
        }
        if !self.services.clock {
            return Err(NotAllowed(format!(
                "the clock is not granted; add `clock = true` to the grants of `{}`",
                self.services.plugin
            ))
            .into());
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }
}
