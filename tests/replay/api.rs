//! Requests to the API server as its administrator, and to etcd's own HTTP gateway.

use std::path::Path;

use http::{Method, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, Error};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// A server that speaks JSON. Requests go one after the other over a connection that stays open.
pub(crate) struct Api {
    client: Client,
    runtime: Runtime,
}

/// What went wrong with a request.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The HTTP status, 0 where there was no answer.
    pub(crate) code: u16,
    /// The server's words.
    pub(crate) message: String,
}

impl Api {
    /// The API server of a kubeconfig.
    pub(crate) fn of_kubeconfig(path: &Path) -> Self {
        let runtime = runtime();
        let kubeconfig = Kubeconfig::read_from(path).expect("the bed writes kubeconfigs");
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options);
        let config = runtime
            .block_on(config)
            .expect("a kubeconfig of the bed is whole");
        Self::new(config, runtime)
    }

    /// A server that asks nobody who they are.
    pub(crate) fn open(address: &str) -> Self {
        Self::new(Config::new(address.parse().expect("an address")), runtime())
    }

    fn new(config: Config, runtime: Runtime) -> Self {
        // The client starts a task of its own.
        let client = {
            let _inside = runtime.enter();
            Client::try_from(config).expect("a client")
        };
        Self { client, runtime }
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, Refused> {
        self.send(Method::GET, path, "application/json", Vec::new())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        self.send(Method::POST, path, "application/json", text(body))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        self.send(Method::PUT, path, "application/json", text(body))
    }

    /// A JSON merge patch.
    pub(crate) fn merge(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        self.send(
            Method::PATCH,
            path,
            "application/merge-patch+json",
            text(body),
        )
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<Value, Refused> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type)
            .body(body)
            .expect("a request");
        let answer = self.client.request_text(request);
        let answer = self.runtime.block_on(answer).map_err(|error| match error {
            Error::Api(status) => Refused {
                code: status.code,
                message: status.message.clone(),
            },
            other => Refused {
                code: 0,
                message: format!("{other:?}"),
            },
        })?;
        Ok(serde_json::from_str(&answer).unwrap_or(Value::String(answer)))
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn text(body: &Value) -> Vec<u8> {
    body.to_string().into_bytes()
}
