//! The attributes of a resource: what describes the process that sends. Called by the encoders of traces and of metrics,
//! and by `tracefuse-langfuse`; each gives its own names.

use tracefuse_exporter::record::{Resource, ValueRef};

/// The attributes of a resource in the order in which they are written: the service and the SDK, then `names` that have a
/// value, then the user's. Each key comes once: a value that the user set replaces ours.
///
/// ```
/// use tracefuse_exporter::record::{Resource, ValueRef};
/// use tracefuse_otlp::resource_attributes;
///
/// let mut resource = Resource::default();
/// resource.environment = Some("production".into());
/// let names = [("deployment.environment.name", resource.environment.as_deref())];
/// let attributes: Vec<_> = resource_attributes(&resource, &names).collect();
/// assert_eq!(attributes[0], ("service.name", ValueRef::Str("unknown_service")));
/// assert_eq!(attributes.last(), Some(&("deployment.environment.name", ValueRef::Str("production"))));
/// ```
pub fn resource_attributes<'a>(
    resource: &'a Resource,
    names: &'a [(&'a str, Option<&'a str>)],
) -> impl Iterator<Item = (&'a str, ValueRef<'a>)> {
    let service = resource.service_name.as_deref();
    let process = [
        ("service.name", service.unwrap_or("unknown_service")),
        ("telemetry.sdk.language", "rust"),
        ("telemetry.sdk.name", "tracefuse"),
        ("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
    ];
    let named = names
        .iter()
        .filter_map(|(key, value)| Some((*key, (*value)?)));
    let of_user = resource.attributes.iter();
    let given = |key: &str| resource.attributes.iter().any(|(known, _)| known == key);
    process
        .into_iter()
        .chain(named)
        .filter(move |(key, _)| !given(key))
        .map(|(key, text)| (key, ValueRef::Str(text)))
        .chain(of_user.map(|(key, value)| (&**key, value.as_ref())))
}
