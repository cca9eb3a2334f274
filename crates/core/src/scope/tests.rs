use super::*;

fn pod(containers: Value) -> Value {
    json!({"spec": {"containers": containers}})
}

fn images() -> Vec<Pattern> {
    vec![Pattern::parse("/spec/containers/*/image").unwrap()]
}

#[test]
fn an_image_edit_names_its_container() {
    let before = pod(json!([{"name": "a", "image": "x:1"}]));
    let after = pod(json!([{"name": "a", "image": "y:1"}]));
    let edits = edits(&before, &after);
    check(&edits, &images()).unwrap();
    let operations = operations(&edits);
    assert_eq!(
        operations[0],
        json!({"op": "test", "path": "/spec/containers/0/name", "value": "a"})
    );
    let mut patched = before;
    let patch: json_patch::Patch = serde_json::from_value(Value::Array(operations)).unwrap();
    json_patch::patch(&mut patched, &patch).unwrap();
    assert_eq!(patched, after);
}

#[test]
fn a_shifted_list_is_seen_by_its_names() {
    let before = pod(json!([{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]));
    let after = pod(json!([{"name": "b", "image": "y"}]));
    assert_eq!(
        check(&edits(&before, &after), &images()),
        Err(ScopeError::Outside(
            Pointer::parse("/spec/containers/0/name").unwrap()
        ))
    );
}

#[test]
fn lists_shrink_and_grow_in_an_order_that_applies() {
    for (old, new) in [
        (json!([1, 2, 3]), json!([1])),
        (json!([1]), json!([1, 2, 3])),
        (json!([]), json!([[]])),
    ] {
        let operations = Value::Array(operations(&edits(&old, &new)));
        let mut patched = old;
        let patch: json_patch::Patch = serde_json::from_value(operations).unwrap();
        json_patch::patch(&mut patched, &patch).unwrap();
        assert_eq!(patched, new);
    }
}

#[test]
fn a_list_can_shift_and_shift_back() {
    let before = pod(
        json!([{"name": "a", "env": [{"name": "x", "value": "1"}, {"name": "y", "value": "2"}, {"name": "z", "value": "3"}]}]),
    );
    let after = pod(
        json!([{"name": "a", "env": [{"name": "x", "value": "9"}, {"name": "z", "value": "3"}]}]),
    );
    let edits = edits(&before, &after);
    let mut patched = before;
    let patch = Value::Array(operations(&edits));
    json_patch::patch(
        &mut patched,
        &serde_json::from_value::<json_patch::Patch>(patch).unwrap(),
    )
    .unwrap();
    assert_eq!(patched, after);
    assert!(are_done(&edits, &patched));
}

#[test]
fn null_is_not_absence() {
    let edits = edits(&json!({"a": null}), &json!({"a": 1}));
    let stored = serde_json::to_string(&edits).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Edit>>(&stored).unwrap(), edits);
}

#[test]
fn some_places_are_nobodys() {
    for path in [
        "/metadata/uid",
        "/metadata/finalizers/0",
        "/status/phase",
        "/metadata/ownerReferences/0/uid",
        "/kind",
    ] {
        assert!(
            check_declared(&Pattern::parse(path).unwrap()).is_err(),
            "{path}"
        );
    }
    assert!(check_declared(&Pattern::parse("").unwrap()).is_err());
    assert!(check_declared(&Pattern::parse("/*").unwrap()).is_err());
    assert!(check_declared(&Pattern::parse("/metadata/annotations/x").unwrap()).is_ok());
}

#[test]
fn the_first_annotation_and_the_last_are_no_more_than_themselves() {
    let object = |annotations: Value| json!({"metadata": {"annotations": annotations}});
    let bare = json!({"metadata": {}});
    let declared = [Pattern::parse("/metadata/annotations/a~1b").unwrap()];
    let check = |before: &Value, after: &Value| check(&edits(before, after), &declared);
    let one = object(json!({"a/b": "c"}));
    assert_eq!(check(&bare, &one), Ok(()));
    assert_eq!(check(&one, &bare), Ok(()));
    let more = object(json!({"a/b": "c", "other": "d"}));
    let other = Pointer::parse("/metadata/annotations/other").unwrap();
    assert_eq!(check(&bare, &more), Err(ScopeError::Outside(other.clone())));
    assert_eq!(check(&more, &bare), Err(ScopeError::Outside(other)));
    // The map itself is not declared.
    let map = Pointer::parse("/metadata/annotations").unwrap();
    let empty = object(json!({}));
    assert_eq!(check(&bare, &empty), Err(ScopeError::Outside(map)));
}

#[test]
fn a_new_entry_of_a_list_is_more_than_its_declared_fields() {
    let before = pod(json!([]));
    let after = pod(json!([{"image": "x"}]));
    let entry = Pointer::parse("/spec/containers/0").unwrap();
    assert_eq!(
        check(&edits(&before, &after), &images()),
        Err(ScopeError::Outside(entry))
    );
}
