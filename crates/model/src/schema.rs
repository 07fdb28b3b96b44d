//! OpenAPI schemas of the types that are written as text.

use crate::{Application, IpProtocol, ServiceName};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

macro_rules! text_schema {
    ($type:ty, $description:literal, $example:literal) => {
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some($description))
                    .examples([$example])
                    .into()
            }
        }
        impl ToSchema for $type {}
    };
}

text_schema!(ServiceName, "namespace/name of a service", "shop/redis");
text_schema!(IpProtocol, "IP protocol: a name or a number", "tcp");
text_schema!(Application, "application protocol; unknown until identified", "redis");
