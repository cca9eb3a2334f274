//! A connection to the server of the tests.

use nks_cluster::{Cluster, ConnectOptions};

use crate::server::Server;

impl Server {
    pub(crate) async fn cluster(&self) -> Cluster {
        self.cluster_with(|_| ()).await
    }

    pub(crate) async fn cluster_with(&self, change: impl FnOnce(&mut ConnectOptions)) -> Cluster {
        let mut options = ConnectOptions {
            server: Some(self.address.clone()),
            user_agent: "kubectl-nks/0.0.0 (test/test)".into(),
            ..ConnectOptions::default()
        };
        change(&mut options);
        Cluster::connect(&options).await.unwrap()
    }
}
