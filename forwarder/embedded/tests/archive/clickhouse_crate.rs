//! The client the product uses: the official `clickhouse` crate, unchanged, with and without compression.

use clickhouse::{Client, Compression, Row};
use serde::{Deserialize, Serialize};

use crate::rig::Rig;

#[derive(Row, Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Play {
    #[serde(with = "clickhouse::serde::uuid")]
    play_id: uuid::Uuid,
    player: u64,
    country: String,
    labels: Vec<String>,
    note: Option<String>,
    rate: f32,
    live: bool,
}

const DDL: &str = "CREATE TABLE plays (play_id UUID, player UInt64, country LowCardinality(String), \
                   labels Array(LowCardinality(String)), note Nullable(String), rate Float32, live Bool) \
                   ENGINE = MergeTree ORDER BY player";

fn play(number: u64) -> Play {
    Play {
        play_id: uuid::Uuid::from_u128(number.into()),
        player: number,
        country: format!("c{}", number % 9),
        labels: vec![format!("l{}", number % 7), "x;\n".into()],
        note: number.is_multiple_of(3).then(|| "note".into()),
        rate: 0.5,
        live: number.is_multiple_of(2),
    }
}

fn client(rig: &Rig, compression: Compression) -> Client {
    let user = rig.archive.credentials();
    Client::default()
        .with_url(rig.archive.url())
        .with_database("rebuffer")
        .with_user(&user.user)
        .with_password(&user.password)
        .with_compression(compression)
}

#[tokio::test]
async fn it_inserts_and_reads() {
    let Some(rig) = Rig::start().await else { return };
    for compression in [Compression::None, Compression::Lz4] {
        let client = client(&rig, compression);
        client.query("DROP TABLE IF EXISTS plays SYNC").execute().await.unwrap();
        client.query(DDL).execute().await.unwrap();
        let none = client.query("SELECT ?fields FROM plays").fetch_all::<Play>().await.unwrap();
        assert_eq!(none, []);
        for (validation, range) in [(true, 0..50_000), (false, 50_000..60_000)] {
            let client = client.clone().with_validation(validation);
            let mut insert = client.insert::<Play>("plays").await.unwrap();
            for number in range {
                insert.write(&play(number)).await.unwrap();
            }
            insert.end().await.unwrap();
        }
        let mut cursor = client.query("SELECT ?fields FROM plays ORDER BY player").fetch::<Play>().unwrap();
        let mut number = 0;
        while let Some(row) = cursor.next().await.unwrap() {
            assert_eq!(row, play(number));
            number += 1;
        }
        assert_eq!(number, 60_000);
        let bound =
            client.query("SELECT ?fields FROM plays WHERE player = ? AND country = ?").bind(7).bind("c7");
        assert_eq!(bound.fetch_one::<Play>().await.unwrap(), play(7));
        let sent = client.query("SELECT count() FROM plays WHERE player < {n:UInt64}").param("n", 100);
        assert_eq!(sent.fetch_one::<u64>().await.unwrap(), 100);
    }
}

#[tokio::test]
async fn it_hears_what_went_wrong() {
    let Some(rig) = Rig::start().await else { return };
    for compression in [Compression::None, Compression::Lz4] {
        let client = client(&rig, compression);
        let unknown = client.query("SELECT a FROM nothing").fetch_all::<u64>().await.unwrap_err().to_string();
        assert!(unknown.contains("UNKNOWN_TABLE"), "{unknown}");
        let half_way = "SELECT throwIf(number = 2000000) + number FROM numbers(3000000)";
        let half_way = client.query(half_way).with_setting("max_threads", "1").fetch_all::<u64>().await;
        let error = half_way.unwrap_err().to_string();
        assert!(error.contains("Code: 395"), "{error}");
        let wrong = client.clone().with_password("wrong").query("SELECT 1").fetch_one::<u8>().await;
        assert!(wrong.unwrap_err().to_string().contains("AUTHENTICATION_FAILED"));
    }
}
