//! A container as a machine.

use muster_sdk::Error;
use muster_sdk::pool::{Machine, MachineState};
use serde_json::Value;

use crate::agent;
use crate::api::{Api, escape};
use crate::archive::first_file;
use crate::engine::Method;

/// How much of a dead container's log is told.
const LOG_LINES: u32 = 20;
/// A frame of a log begins with its stream and length.
const FRAME: usize = 8;

/// The machine of an inspected container.
pub(crate) fn inspected(api: &Api<'_>, handle: &str, container: &Value) -> Result<Machine, Error> {
    let state = container.get("State").cloned().unwrap_or_default();
    let text = |key: &str| state.get(key).and_then(Value::as_str).unwrap_or_default();
    let address = address(container);
    let labels = container.pointer("/Config/Labels");
    let is_host = container.pointer("/HostConfig/NetworkMode").and_then(Value::as_str) == Some("host");
    let state = match text("Status") {
        "running" => running(api, handle, if is_host { None } else { address.as_deref() })?,
        waiting @ ("created" | "configured" | "initialized" | "restarting") => MachineState::Starting(waiting.into()),
        "paused" => MachineState::Starting("paused".into()),
        gone => {
            let code = state.get("ExitCode").and_then(Value::as_i64).unwrap_or_default();
            let killed = if state.get("OOMKilled") == Some(&Value::Bool(true)) { ", out of memory" } else { "" };
            let error = Some(text("Error")).filter(|error| !error.is_empty());
            let cause = error.map(|error| format!(": {error}")).unwrap_or_default();
            MachineState::Gone(format!("{gone} with status {code}{killed}{cause}{}", log(api, handle)))
        }
    };
    let name = container.get("Name").and_then(Value::as_str).unwrap_or_default();
    let created = container.get("Created").and_then(Value::as_str).and_then(seconds_of);
    Ok(Machine {
        handle: handle.into(),
        name: name.trim_start_matches('/').into(),
        labels: pairs(labels),
        state,
        created,
    })
}

/// The machine of a listed container: what is running is not asked for its address.
pub(crate) fn listed(container: &Value) -> Option<Machine> {
    let state = container.get("State").and_then(Value::as_str).unwrap_or_default();
    let name = container.pointer("/Names/0").and_then(Value::as_str).unwrap_or_default();
    let status = container.get("Status").and_then(Value::as_str).unwrap_or(state);
    Some(Machine {
        handle: container.get("Id")?.as_str()?.to_owned(),
        name: name.trim_start_matches('/').to_owned(),
        labels: pairs(container.get("Labels")),
        state: match state {
            "exited" | "dead" | "removing" | "stopped" | "stopping" => MachineState::Gone(status.into()),
            _ => MachineState::Starting(status.into()),
        },
        created: container.get("Created").and_then(Value::as_u64),
    })
}

/// A running container is ready when its agent has written where it listens.
fn running(api: &Api<'_>, handle: &str, address: Option<&str>) -> Result<MachineState, Error> {
    let path = format!("/containers/{}/archive?path={}", escape(handle), escape(agent::ADDRESS));
    let answer = api.send(Method::Get, &path, None)?;
    if answer.status == 404 {
        return Ok(MachineState::Starting("the agent has not said where it listens".into()));
    }
    let answer = answer.expect("read the agent's address", &[200])?;
    let written = first_file(&answer.body).map(|content| String::from_utf8_lossy(content).into_owned());
    Ok(match written.and_then(|written| agent::url(&written, address)) {
        Some(url) => MachineState::Ready(url),
        None => MachineState::Starting("the agent's address is not whole yet".into()),
    })
}

/// The last words of a container.
fn log(api: &Api<'_>, handle: &str) -> String {
    let path = format!("/containers/{}/logs?stdout=1&stderr=1&tail={LOG_LINES}", escape(handle));
    let Ok(answer) = api.send(Method::Get, &path, None) else {
        return String::new();
    };
    let text = if answer.status == 200 { frames(&answer.body) } else { Vec::new() };
    let text = String::from_utf8_lossy(&text);
    if text.trim().is_empty() { String::new() } else { format!("; it said: {}", text.trim()) }
}

/// The text of a log's frames; a terminal's log has none.
fn frames(log: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut rest = log;
    while let Some((head, after)) = rest.split_at_checked(FRAME) {
        if head[0] > 2 || head[1..4] != [0, 0, 0] {
            return log.to_vec();
        }
        let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let (frame, after) = after.split_at(length.min(after.len()));
        text.extend_from_slice(frame);
        rest = after;
    }
    text
}

/// The container's own address, where it has one.
fn address(container: &Value) -> Option<String> {
    let settings = container.get("NetworkSettings")?;
    let networks =
        settings.get("Networks").and_then(Value::as_object).into_iter().flatten().map(|(_, network)| network);
    let mut addresses = [settings].into_iter().chain(networks).filter_map(|place| place.get("IPAddress")?.as_str());
    addresses.find(|address| !address.is_empty()).map(str::to_owned)
}

fn pairs(labels: Option<&Value>) -> Vec<(String, String)> {
    let labels = labels.and_then(Value::as_object).into_iter().flatten();
    labels.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// Seconds since 1970 of `2026-01-02T03:04:05.678Z`, or with an offset.
fn seconds_of(text: &str) -> Option<u64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let clock = number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
    let zone = text.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match zone.get(1..6).and_then(|zone| zone.split_once(':')) {
        Some((hours, minutes)) => {
            let seconds = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
            if zone.starts_with('-') { -seconds } else { seconds }
        }
        None => 0,
    };
    // Days since 1970 of a civil date (Howard Hinnant's algorithm): years begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    u64::try_from(days * 86_400 + clock - offset).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(seconds_of("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds_of("2024-02-29T12:00:00.123456789Z"), Some(1_709_208_000));
        assert_eq!(seconds_of("2024-02-29T14:00:00.5+02:00"), Some(1_709_208_000));
        assert_eq!(seconds_of("yesterday"), None);
    }

    #[test]
    fn log_frames_are_taken_off() {
        assert_eq!(frames(b"\x01\0\0\0\0\0\0\x03abc\x02\0\0\0\0\0\0\x02de"), b"abcde");
        assert_eq!(frames(b"plain terminal text"), b"plain terminal text");
    }
}
