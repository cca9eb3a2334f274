use super::*;

const CONFIG: &str = "
current-context: one
clusters:
- {name: a, cluster: {server: 'https://a:6443', tls-server-name: a.example}}
- {name: b, cluster: {server: 'https://b'}}
users:
- {name: u, user: {token: s3cret-token}}
contexts:
- {name: one, context: {cluster: a, user: u, namespace: shop}}
- {name: lost, context: {cluster: gone}}
";

fn config() -> Kubeconfig {
    Kubeconfig::from_yaml(CONFIG).unwrap()
}

fn chosen(options: ConnectOptions) -> Result<Option<(Kubeconfig, String, String)>, ConnectError> {
    choose(&config(), &options)
}

#[test]
fn flags_come_before_the_file() {
    let (config, context, name) = chosen(ConnectOptions {
        server: Some("https://elsewhere".into()),
        as_user: Some("jane".into()),
        as_groups: vec!["ops".into()],
        ..ConnectOptions::default()
    })
    .unwrap()
    .unwrap();
    let cluster = config.clusters[0].cluster.as_ref().unwrap();
    assert_eq!((context.as_str(), name.as_str()), ("one", "a"));
    assert_eq!(cluster.server.as_deref(), Some("https://elsewhere"));
    assert_eq!(cluster.tls_server_name, None);
    let user = config.auth_infos[0].auth_info.as_ref().unwrap();
    assert_eq!(user.impersonate.as_deref(), Some("jane"));
    assert!(user.token.is_some());
    let (_, _, name) = chosen(ConnectOptions {
        cluster: Some("b".into()),
        ..ConnectOptions::default()
    })
    .unwrap()
    .unwrap();
    assert_eq!(name, "b");
}

#[test]
fn what_is_not_there_is_named() {
    let error = |change: fn(&mut ConnectOptions)| {
        let mut options = ConnectOptions::default();
        change(&mut options);
        chosen(options).unwrap_err().to_string()
    };
    assert_eq!(
        error(|options| options.context = Some("x".into())),
        "context \"x\" does not exist"
    );
    assert_eq!(
        error(|options| options.cluster = Some("x".into())),
        "cluster \"x\" does not exist"
    );
    assert_eq!(
        error(|options| options.user = Some("x".into())),
        "auth info \"x\" does not exist"
    );
    assert_eq!(
        error(|options| options.context = Some("lost".into())),
        "cluster \"gone\" does not exist"
    );
    assert_eq!(
        error(|options| options.server = Some("ftp://me:s3cret@x".into())),
        "cluster \"a\" has no usable server address"
    );
}

#[test]
fn an_empty_current_context_is_none() {
    let mut config = config();
    config.current_context = Some(String::new());
    let options = ConnectOptions::default();
    assert!(matches!(
        choose(&config, &options),
        Err(ConnectError::NoCurrentContext)
    ));
    let empty = choose(&Kubeconfig::default(), &options);
    assert!(matches!(empty, Ok(None)));
    let server = ConnectOptions {
        server: Some("localhost:8001".into()),
        ..ConnectOptions::default()
    };
    let (config, ..) = choose(&Kubeconfig::default(), &server).unwrap().unwrap();
    let cluster = config.clusters[0].cluster.as_ref().unwrap();
    assert_eq!(cluster.server.as_deref(), Some("http://localhost:8001"));
}

#[test]
fn options_do_not_show_a_token() {
    let options = ConnectOptions {
        token: Some("s3cret-token".into()),
        ..ConnectOptions::default()
    };
    assert!(!format!("{options:?}").contains("s3cret"));
}

#[test]
fn another_vendors_cluster_is_told_by_its_server_and_by_its_plugin() {
    let options = ConnectOptions {
        server: Some("https://0a1b2c3d.kr.vnks.ntruss.com".into()),
        ..ConnectOptions::default()
    };
    let error = chosen(options).unwrap_err();
    assert!(matches!(error, ConnectError::Naver(_)), "{error}");
    let config = CONFIG.replace(
        "{token: s3cret-token}",
        "{exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: /opt/ncp-iam-authenticator}}",
    );
    let config = Kubeconfig::from_yaml(&config).unwrap();
    let error = choose(&config, &ConnectOptions::default()).unwrap_err();
    assert!(error.to_string().contains("NAVER Cloud"), "{error}");
}
