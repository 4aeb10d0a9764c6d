//! A segment that is torn or missing is told, never skipped.

use logs::{LogError, LogStore};

use crate::support::{Folder, small, whole};

async fn three_segments(folder: &Folder) -> LogStore {
    let mut writer = folder.open(&small()).writer(3, "log").await.unwrap();
    writer.append(&b"a line of ten\n".repeat(20)).await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(folder.segments(3, "log").len(), 3);
    folder.open(&small())
}

#[tokio::test]
async fn a_missing_segment_is_told_wherever_it_is() {
    for (missing, offset) in [(0, 0), (1, 100)] {
        let folder = Folder::new();
        let logs = three_segments(&folder).await;
        std::fs::remove_file(&folder.segments(3, "log")[missing]).unwrap();
        let error = logs.read(3, "log", offset + 50, 10).await.unwrap_err();
        assert!(matches!(error, LogError::Missing { offset: found, .. } if found == offset), "{error:?}");
        let text = error.to_string();
        let named = format!("read log stream `log` of build 3 at byte {offset}: its segment `logs/3/log/");
        assert!(text.starts_with(&named) && text.contains("missing"), "{text}");
        let error = logs.search(3, "log", "nowhere", 1, 10).await.unwrap_err();
        assert!(matches!(error, LogError::Missing { .. }), "{error:?}");
        assert_eq!(logs.read(3, "log", 266, 10).await.unwrap().bytes, "a line of ", "what is there is read");
    }
}

#[tokio::test]
async fn a_segment_that_goes_while_the_stream_is_known_is_told() {
    let folder = Folder::new();
    let logs = three_segments(&folder).await;
    assert_eq!(logs.read(3, "log", 0, 10).await.unwrap().end, 280);
    std::fs::remove_file(&folder.segments(3, "log")[1]).unwrap();
    let error = logs.read(3, "log", 0, 280).await.unwrap_err();
    assert!(matches!(error, LogError::Missing { offset: 100, .. }), "{error:?}");
}

#[tokio::test]
async fn a_torn_segment_is_told() {
    let folder = Folder::new();
    for (torn, offset) in [(1, 100), (2, 200)] {
        let logs = three_segments(&folder).await;
        let path = &folder.segments(3, "log")[torn];
        let bytes = std::fs::read(path).unwrap();
        std::fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
        let error = logs.read(3, "log", offset, 10).await.unwrap_err();
        assert!(matches!(error, LogError::Torn { offset: found, .. } if found == offset), "{error:?}");
        assert!(error.to_string().contains("is damaged: it holds"), "{error}");
        assert_eq!(logs.read(3, "log", 0, 10).await.unwrap().bytes, "a line of ");
        // The head of the last is read first of all.
        std::fs::write(path, &bytes[..40]).unwrap();
        let whole = folder.open(&small()).read(3, "log", offset, 10).await;
        assert!(matches!(whole, Err(LogError::Torn { .. })), "{whole:?}");
        logs.remove(3).await.unwrap();
    }
}

#[tokio::test]
async fn a_segment_that_took_anothers_place_is_told() {
    let folder = Folder::new();
    let logs = three_segments(&folder).await;
    let segments = folder.segments(3, "log");
    std::fs::copy(&segments[0], &segments[1]).unwrap();
    let error = logs.read(3, "log", 100, 10).await.unwrap_err();
    assert!(error.to_string().contains("its head says that it begins at byte 0"), "{error}");
    std::fs::write(&segments[1], std::fs::read(&segments[0]).unwrap()).unwrap();
    assert_eq!(whole(&folder.open(&small()), 4, "log").await, b"");
}
