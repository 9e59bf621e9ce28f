#include "plugins/notifiers/kafka/kafka_notifier.h"

HEALD_PLUGIN("kafka", "0.1.0", "The heald authors", "MIT", heald::kafka::KafkaNotifier);
