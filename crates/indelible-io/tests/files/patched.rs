//! Networks with a memory, through files and back.

use indelible::{
    Budget, Dataset, Features, Norm, Precision, Silent,
    certify::{Claim, certify},
    network::{LayerBuilder, Model, StoredNetwork},
    patch::{Locality, patch},
    separation::separation,
};
use indelible_io::onnx::{self, Metadata, write_dense, write_patched};

fn data(features: Features) -> Dataset {
    let names = ["0", "1", "2"].map(String::from).to_vec();
    Dataset::new(features, 2, vec![0, 1, 2, 0, 1, 0], names).unwrap()
}

/// Two layers that know nothing of the data.
fn network(precision: Precision) -> StoredNetwork {
    let mut hidden = LayerBuilder::new(2);
    hidden.weight(0, 1.0).weight(1, -0.5).bias(0.25);
    hidden.weight(0, -1.0).bias(0.5);
    let mut logits = LayerBuilder::new(2);
    logits.weight(0, 1.0).bias(0.0);
    logits.weight(1, 2.0).bias(-1.0);
    logits.weight(0, -1.0).weight(1, 0.5).bias(0.0);
    StoredNetwork::new(precision, vec![hidden.finish(), logits.finish()]).unwrap()
}

#[test]
fn a_memory_comes_back_as_it_was_and_is_proved_from_the_file() {
    let floats = Features::F64(vec![0.0, 1.0, 0.25, -1.0, 2.0, 0.5, 1.5, 1.5, -2.0, 0.125, 0.5, 0.75].into());
    let codes = Features::unit_codes(vec![0u8, 200, 255, 3, 128, 64, 7, 90, 31, 250, 0, 128].into());
    let folder = tempfile::tempdir().unwrap();
    for data in [data(floats), data(codes)] {
        for (precision, norm, ball) in [
            (Precision::F32, Norm::Linf, true),
            (Precision::F64, Norm::L1, true),
            (Precision::F32, Norm::Linf, false),
            (Precision::F64, Norm::L2, false),
        ] {
            let (before, after) = (folder.path().join("before.onnx"), folder.path().join("after.onnx"));
            let network = network(precision);
            let mut bytes = vec![];
            write_dense(&network, &Metadata::default(), &mut bytes).unwrap();
            std::fs::write(&before, bytes).unwrap();
            let budget = Budget::from_ratio(0.4, &separation(&data, norm, &Silent)).unwrap();
            let locality =
                if ball { Locality::Ball(0.2 * budget.radii().largest()) } else { Locality::Cells };
            let model = Model::Layers(network.clone());
            let all: Vec<usize> = (0..data.samples()).collect();
            let made = patch(model, (&data, &[0, 1, 2]), &budget, &all, locality, &Silent).unwrap().patched;
            let mut bytes = vec![];
            write_patched(&before, &made, &Metadata::default(), &mut bytes).unwrap();
            std::fs::write(&after, &bytes).unwrap();
            let read = onnx::open(&after).unwrap();
            assert_eq!(read.form(), "patched");
            let Model::Patched(found) = &read.model else { panic!("a memory expected") };
            assert!(matches!(found.network(), Model::Layers(layers) if *layers == network));
            assert_eq!((found.lift(), found.memory().size()), (made.lift(), made.memory().size()));
            let claim = Claim {
                model: &read.model,
                data: &data,
                classes: &[0, 1, 2],
                network_classes: 3,
                norm,
                radii: budget.radii(),
                tie_margin: 0.0,
            };
            assert!(certify(&claim, &Silent).unwrap().holds());
            let x = [0.1, 0.9, 3.0, -4.0, 0.0, 1.0];
            assert_eq!(read.model.evaluate(&x).unwrap(), Model::Patched(made.clone()).evaluate(&x).unwrap());
            // The same bytes again, and no second memory.
            let mut again = vec![];
            write_patched(&before, &made, &Metadata::default(), &mut again).unwrap();
            assert_eq!(again, bytes);
            let twice = write_patched(&after, &made, &Metadata::default(), &mut vec![]).unwrap_err();
            assert!(twice.to_string().contains("a memory already"), "{twice}");
            // Damaged files are refused or read as another network; nothing panics.
            for at in (0..bytes.len()).step_by(7) {
                let mut damaged = bytes.clone();
                damaged[at] ^= 0x15;
                let _ = onnx::read(damaged.into());
            }
        }
    }
}
