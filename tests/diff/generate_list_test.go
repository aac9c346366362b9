package diff

// listTemplates are the commands on lists, over keys that few other commands use.
// Those that push are frequent enough for lists that have several nodes.
func listTemplates() []string {
	return []string{
		"LPUSH <list> <value>", "RPUSH <list> <value>", "LPUSH <list> <value> <value> <int>",
		"RPUSH <list> <value> <int> <value> <value>", "LPUSHX <list> <value>", "RPUSHX <list> <value> <int>",
		"RPUSH <list> <long> <long>", "LPUSH <list> <long>", "RPUSH <list> <long> <value> <long> <int> <long>",
		"LPOP <list>", "RPOP <list>", "LPOP <list> <count>", "RPOP <list> <count>", "LLEN <list>",
		"LINDEX <list> <index>", "LSET <list> <index> <value>", "LSET <list> <index> <long>",
		"LRANGE <list> <index> <index>", "LRANGE <list> 0 -1", "LTRIM <list> <trim> <trim>",
		"LREM <list> <index> <value>", "LREM <list> <index> <int>", "LPOS <list> <int>",
		"LPOS <list> <value> <lposopt>", "LPOS <list> <int> <lposopt> <lposopt>",
		"LINSERT <list> <where> <int> <value>", "LINSERT <list> <where> <value> <long>",
		"LMOVE <list> <list> <end> <end>", "RPOPLPUSH <list> <list>", "LMPOP 2 <list> <list> <end>",
		"LMPOP 2 <key> <list> <end> COUNT <count>", "BLPOP <list> <list> 0.001", "BRPOP <list> 0.001",
		"BLMOVE <list> <list> <end> <end> 0.001", "BRPOPLPUSH <list> <list> 0.001",
		"BLMPOP 0.001 1 <list> <end> COUNT <count>", "COPY <list> <list> REPLACE", "RENAME <list> <list>",
		"EXPIRE <list> <seconds>", "OBJECT ENCODING <list>",
	}
}
