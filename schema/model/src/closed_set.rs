//! Enums whose values have public names: one declaration gives the type, its names, its documentation and its forms in JSON.
//!
//! Invariant: the name in `ALL`, on the wire and in the API's document is the one that is written down here, once.
//! Deliberately absent: enums with fields.

/// Declares an enum, with a name and a documentation for each value.
macro_rules! closed_set {
    (
        $(#[doc = $doc:literal])*
        $vis:vis enum $type:ident {
            $( $(#[doc = $value_doc:literal])+ $value:ident = $name:literal, )+
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        $vis enum $type {
            $( $(#[doc = $value_doc])+ #[serde(rename = $name)] $value, )+
        }

        impl $type {
            /// Every value, in the order of the documentation.
            $vis const ALL: &'static [Self] = &[$(Self::$value),+];

            /// The public name.
            $vis fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)+
                }
            }

            /// What it means.
            $vis fn doc(self) -> &'static str {
                match self {
                    $(Self::$value => concat!($($value_doc),+).trim_ascii(),)+
                }
            }
        }

        // Written out, because the derived one does not see a name that a macro gives to `serde`.
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::Type::String)
                    .description(Some(concat!($($doc),*).trim_ascii()))
                    .enum_values(Some(Self::ALL.iter().map(|value| value.as_str())))
                    .into()
            }
        }

        impl utoipa::ToSchema for $type {}

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                let known = Self::ALL.iter().copied().find(|value| value.as_str() == text);
                known.ok_or_else(|| {
                    let names = Self::ALL.iter().map(|value| value.as_str()).collect::<Vec<_>>();
                    format!("{text:?} is none of: {}", names.join(", "))
                })
            }
        }
    };
}

pub(crate) use closed_set;

#[cfg(test)]
mod tests {
    closed_set! {
        /// A colour.
        enum Colour {
            /// Like blood.
            Red = "red",
            /// Like the sky
            /// above the sea.
            SkyBlue = "sky-blue",
        }
    }

    #[test]
    fn one_declaration_gives_names_documentation_and_json() {
        assert_eq!(Colour::ALL, [Colour::Red, Colour::SkyBlue]);
        assert_eq!(Colour::SkyBlue.doc(), "Like the sky above the sea.");
        assert_eq!(serde_json::to_string(&Colour::SkyBlue).unwrap(), "\"sky-blue\"");
        let schema = serde_json::to_value(<Colour as utoipa::PartialSchema>::schema()).unwrap();
        assert_eq!((&schema["enum"][1], &schema["description"]), (&"sky-blue".into(), &"A colour.".into()));
        assert_eq!("sky-blue".parse(), Ok(Colour::SkyBlue));
        assert_eq!("green".parse::<Colour>(), Err("\"green\" is none of: red, sky-blue".to_owned()));
    }
}
