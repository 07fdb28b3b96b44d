use crate::{
    Access, ENDPOINTS, Endpoint, ErrorBody, Method,
    endpoints::{Answer, Schemas},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, Content, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, Paths, RefOr,
        Required, Response, ResponseBuilder, Schema,
        path::{Operation, OperationBuilder, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::Ref,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

const DESCRIPTION: &str = "Nano-segmentation for containers: learn, judge and enforce who talks to whom. Times are \
     milliseconds since 1970-01-01T00:00:00Z. Every error has the body ErrorBody.";

/// The document that describes every endpoint of [`ENDPOINTS`].
pub fn openapi() -> OpenApi {
    let mut schemas: Schemas = vec![(ErrorBody::name().into_owned(), ErrorBody::schema())];
    ErrorBody::schemas(&mut schemas);
    let mut paths = Paths::new();
    for endpoint in ENDPOINTS {
        let operation = operation(endpoint, &mut schemas);
        let item = PathItem::new(http_method(endpoint.method), operation);
        match paths.paths.get_mut(endpoint.path) {
            Some(known) => known.merge_operations(item),
            None => {
                paths.paths.insert(endpoint.path.to_owned(), item);
            }
        }
    }
    let mut components = Components::new();
    components.schemas.extend(schemas);
    components.add_security_scheme(
        "token",
        SecurityScheme::Http(
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("bh_...").build(),
        ),
    );
    components.add_security_scheme(
        "session",
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("bulkhead_session"))),
    );
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Bulkhead")
                .version("v1")
                .description(Some(DESCRIPTION))
                .license(Some(utoipa::openapi::License::new("Apache-2.0")))
                .build(),
        )
        .paths(paths)
        .components(Some(components))
        .build()
}

fn http_method(method: Method) -> HttpMethod {
    match method {
        Method::Get => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
        Method::Put => HttpMethod::Put,
        Method::Delete => HttpMethod::Delete,
    }
}

fn operation(endpoint: &Endpoint, schemas: &mut Schemas) -> Operation {
    let mut builder = OperationBuilder::new()
        .operation_id(Some(endpoint.id))
        .tag(endpoint.tag)
        .summary(Some(endpoint.summary))
        .description(Some(match endpoint.access {
            Access::Open => "No credential needed.".to_owned(),
            Access::Role(role) => format!("Role: {role}."),
        }));
    for name in path_parameters(endpoint.path) {
        builder = builder.parameter(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(String::schema())),
        );
    }
    for parameter in endpoint.query.map(|query| query()).unwrap_or_default() {
        builder = builder.parameter(parameter);
    }
    if endpoint.id == "eventStream" {
        builder = builder.parameter(
            ParameterBuilder::new()
                .name("Last-Event-ID")
                .parameter_in(ParameterIn::Header)
                .required(Required::False)
                .description(Some("Stream position after which to resume"))
                .schema(Some(u64::schema())),
        );
    }
    if let Some(body) = endpoint.body {
        builder = builder.request_body(Some(
            RequestBodyBuilder::new()
                .content("application/json", Content::new(Some(body(schemas))))
                .required(Some(Required::True))
                .build(),
        ));
    }
    let (status, response) = success(endpoint, schemas);
    builder = builder.response(status, response).response("default", failure());
    if endpoint.access != Access::Open {
        builder = builder
            .security(SecurityRequirement::new("token", Vec::<String>::new()))
            .security(SecurityRequirement::new("session", Vec::<String>::new()));
    }
    builder.build()
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn success(endpoint: &Endpoint, schemas: &mut Schemas) -> (&'static str, Response) {
    let ok = ResponseBuilder::new().description("Success");
    match endpoint.answer {
        Answer::Json(schema) => {
            ("200", ok.content("application/json", Content::new(Some(schema(schemas)))).build())
        }
        Answer::Stream(schema) => (
            "200",
            ResponseBuilder::new()
                .description("Server-sent events; the schema is that of their data")
                .content("text/event-stream", Content::new(Some(schema(schemas))))
                .build(),
        ),
        Answer::Text(kind) => ("200", ok.content(kind, Content::new(Some(String::schema()))).build()),
        Answer::Empty => ("204", ResponseBuilder::new().description("Done").build()),
    }
}

fn failure() -> Response {
    let body: RefOr<Schema> = Ref::from_schema_name(ErrorBody::name()).into();
    ResponseBuilder::new()
        .description("What is wrong, and what to do")
        .content("application/json", Content::new(Some(body)))
        .build()
}
