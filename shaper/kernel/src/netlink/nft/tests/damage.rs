//! Whatever somebody else does to our tables is noticed and mended.

use super::super::TABLE;
use super::super::batch::Batch;
use super::super::expression::Expression;
use super::super::layout::{Aides, Chain, Element, Family, Layout, Map, Rule, Target};
use super::*;

/// What somebody does, and in which words.
type Damage = (String, Box<dyn Fn(&mut Batch<'_>)>);

#[test]
fn damage_is_noticed_and_a_commit_from_none_mends_it() {
    let Some(mut place) = Place::new() else { return };
    let full = SessionRules {
        lost_down: share(0.1),
        lost_up: share(0.2),
        through_up: true,
        strike: strike(true, Some(5), 1),
        ..SessionRules::at(both())
    };
    let wanted = rules([(1, full), (2, SessionRules::at(OTHER_PORT))]);
    let layout = Layout::of(&wanted, &wanted.sessions, Aides { sink: place.sink, up: place.up });
    let mut damages = in_chains(&layout);
    damages.extend(in_maps(&layout));
    damages.push(("no tables".to_owned(), Box::new(|batch| batch.remove())));
    damages.push(("empty tables".to_owned(), Box::new(|batch| batch.begin_anew())));
    for (what, damage) in damages {
        place.commit(None, Some(&wanted)).unwrap();
        assert_eq!(place.read().as_ref(), Some(&wanted));
        let mut batch = Batch::new(&mut place.socket, TABLE);
        damage(&mut batch);
        batch.commit().unwrap_or_else(|failure| panic!("{what}: {failure:?}"));
        assert_ne!(place.read().as_ref(), Some(&wanted), "{what}");
    }
    place.commit(None, None).unwrap();
    assert_eq!(place.read(), None);
}

fn in_chains(layout: &Layout) -> Vec<Damage> {
    let mut damages: Vec<Damage> = Vec::new();
    for ((family, name), chain) in layout.chains.clone() {
        let more = Rule { expressions: vec![Expression::Count], strike: None };
        let longer = Chain { rules: [chain.rules.clone(), vec![more]].concat(), ..chain.clone() };
        let empty = Chain { rules: Vec::new(), ..chain.clone() };
        for (what, new) in [("more in", longer), ("nothing in", empty)] {
            let name = name.clone();
            let what = format!("{what} {name}");
            damages.push((what, Box::new(move |batch| batch.change_chain(family, &name, &new))));
        }
        if chain.hook.is_some() {
            let what = format!("no {name}");
            damages.push((what, Box::new(move |batch| batch.remove_chain(family, &name, &chain))));
        }
    }
    let chain = Chain { hook: None, rules: Vec::new() };
    let what = "one more chain".to_owned();
    damages.push((what, Box::new(move |batch| batch.new_chain(Family::Inet, "other", &chain))));
    damages
}

fn in_maps(layout: &Layout) -> Vec<Damage> {
    let mut damages: Vec<Damage> = Vec::new();
    for element in layout.elements.clone() {
        let what = format!("no {element:?}");
        damages.push((what, Box::new(move |batch| batch.remove_elements([&element]))));
    }
    for map in Map::ALL {
        let target = match layout.elements.iter().find(|element| element.map == map) {
            Some(Element { target: Target::Jump(chain), .. }) => Target::Jump(chain.clone()),
            Some(_) | None => Target::Priority(7),
        };
        let extra = Element { map, port: 9, target };
        damages.push((format!("more in {map:?}"), Box::new(move |batch| batch.new_elements([&extra]))));
    }
    damages
}
