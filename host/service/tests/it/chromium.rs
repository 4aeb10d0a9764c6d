//! A real Chromium without a window, driven through a pair of pipes by its own protocol.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

const PROGRAM: &str = "/usr/bin/chromium";
/// The browser reads commands from descriptor 3 and writes answers to 4: here its input and output.
const LAUNCH: &str = "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";
const FLAGS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
];
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is said of an expression whose page is gone.
const GONE: [&str; 3] = ["navigated or closed", "context was destroyed", "Cannot find context"];
/// Pages that may follow one another before a condition holds.
const NAVIGATIONS: usize = 5;

/// A browser with one page.
pub(crate) struct Chromium {
    _child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    session: Option<String>,
    last: u64,
    /// What the page complained about: exceptions, refused scripts.
    pub(crate) complaints: Vec<String>,
    /// The document whose loading ended last.
    loaded: Option<String>,
    _profile: TempDir,
}

impl Chromium {
    /// Starts one; none where it is not installed, which under `CI` is an error.
    pub(crate) async fn start() -> anyhow::Result<Option<Chromium>> {
        if !Path::new(PROGRAM).exists() {
            ensure!(std::env::var_os("CI").is_none(), "{PROGRAM} is not installed");
            eprintln!("skipped: {PROGRAM} is not installed");
            return Ok(None);
        }
        let profile = tempfile::tempdir()?;
        let mut child = Command::new("/bin/sh")
            .args(["-c", LAUNCH, "sh", PROGRAM])
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting Chromium")?;
        let stdin = child.stdin.take().context("no input")?;
        let stdout = BufReader::new(child.stdout.take().context("no output")?);
        let mut browser = Chromium {
            _child: child,
            stdin,
            stdout,
            session: None,
            last: 0,
            complaints: Vec::new(),
            loaded: None,
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" })).await?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", attach).await?;
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({})).await?;
        }
        browser.call("Page.setLifecycleEventsEnabled", json!({ "enabled": true })).await?;
        Ok(Some(browser))
    }

    /// One command of the protocol, and its result.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> anyhow::Result<Value> {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message)?;
        bytes.push(0);
        self.stdin.write_all(&bytes).await?;
        loop {
            let answer = self.read().await.with_context(|| format!("waiting for {method}"))?;
            if answer["id"] == self.last {
                ensure!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return Ok(answer["result"].clone());
            }
        }
    }

    async fn read(&mut self) -> anyhow::Result<Value> {
        let mut bytes = Vec::new();
        timeout(PATIENCE, self.stdout.read_until(0, &mut bytes)).await??;
        ensure!(bytes.pop() == Some(0), "Chromium ended");
        let message: Value = serde_json::from_slice(&bytes)?;
        match message["method"].as_str() {
            Some("Page.lifecycleEvent") if message["params"]["name"] == "load" => {
                self.loaded = message["params"]["loaderId"].as_str().map(str::to_owned);
            }
            Some("Runtime.exceptionThrown") => self.complaints.push(message["params"].to_string()),
            // What the page asks for and does not get is for the test to judge: it looks at what is shown.
            Some("Log.entryAdded")
                if message["params"]["entry"]["level"] == "error"
                    && message["params"]["entry"]["source"] != "network" =>
            {
                self.complaints.push(message["params"].to_string());
            }
            Some("Page.javascriptDialogOpening") => bail!("the page opened a dialog: {message}"),
            _ => {}
        }
        Ok(message)
    }

    /// Goes to an address, and waits until its document is loaded: not one that was still on its way.
    pub(crate) async fn open(&mut self, url: &str) -> anyhow::Result<()> {
        self.loaded = None;
        let gone = self.call("Page.navigate", json!({ "url": url })).await?;
        ensure!(gone["errorText"].is_null(), "{url}: {}", gone["errorText"]);
        // Where only the fragment is another, the document stays.
        let Some(document) = gone["loaderId"].as_str() else { return Ok(()) };
        while self.loaded.as_deref() != Some(document) {
            self.read().await.with_context(|| format!("waiting for {url}"))?;
        }
        Ok(())
    }

    /// The value of an expression in the page; a promise is waited for.
    pub(crate) async fn eval(&mut self, expression: &str) -> anyhow::Result<Value> {
        let params =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true });
        let answer = self.call("Runtime.evaluate", params).await?;
        ensure!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        Ok(answer["result"]["value"].clone())
    }

    /// Waits until an expression is true.
    pub(crate) async fn until(&mut self, condition: &str) -> anyhow::Result<()> {
        let wait = format!(
            "new Promise((done, fail) => {{ const end = performance.now() + {}; const look = () => {{ let is = false; \
             try {{ is = ({condition}); }} catch {{}} if (is) done(true); else if (performance.now() > end) \
             fail(new Error('never true; the page says: ' + document.body.innerText.slice(0, 2000))); \
             else setTimeout(look, 20); }}; look(); }})",
            PATIENCE.as_millis() / 2
        );
        for _ in 0..NAVIGATIONS {
            match self.eval(&wait).await {
                // The page went elsewhere meanwhile, as it does after a form: the next one is asked.
                Err(error) if GONE.iter().any(|gone| format!("{error:#}").contains(gone)) => {}
                other => return other.with_context(|| condition.to_owned()).map(drop),
            }
        }
        bail!("the page goes from one address to the next: {condition}")
    }

    /// Sends a key to the page.
    pub(crate) async fn press(&mut self, key: &str) -> anyhow::Result<()> {
        let event = format!("new KeyboardEvent('keydown', {{ key: {}, bubbles: true, cancelable: true }})", json!(key));
        self.eval(&format!("void document.activeElement.dispatchEvent({event})")).await.map(drop)
    }

    /// The size of the window, and whether it is dark.
    pub(crate) async fn look(&mut self, width: u32, height: u32, dark: bool) -> anyhow::Result<()> {
        let scale = if width < 600 { 2 } else { 1 };
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", size).await?;
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", media).await.map(drop)
    }

    /// Keeps a picture of the window, where pictures are wanted: `MUSTER_SCREENSHOTS` names a folder for them.
    pub(crate) async fn picture(&mut self, name: &str, whole: bool) -> anyhow::Result<()> {
        let Some(folder) = std::env::var_os("MUSTER_SCREENSHOTS") else { return Ok(()) };
        let params = json!({ "format": "png", "captureBeyondViewport": whole });
        let shot = self.call("Page.captureScreenshot", params).await?;
        let file = Path::new(&folder).join(format!("{name}.png.base64"));
        std::fs::write(file, shot["data"].as_str().context("no picture")?)?;
        Ok(())
    }
}
