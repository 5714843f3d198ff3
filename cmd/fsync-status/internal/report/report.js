"use strict";
// The page works without this script, but then Tab stops at each bar. With the script, Tab
// stops once in each timeline, and arrow keys, Home and End move between the bars.
for (const lanes of document.querySelectorAll(".lanes")) {
	const bars = lanes.children;
	for (let i = 1; i < bars.length; i++) bars[i].tabIndex = -1;
	lanes.addEventListener("keydown", (event) => {
		const here = document.activeElement;
		const next = {
			ArrowRight: here.nextElementSibling, ArrowLeft: here.previousElementSibling,
			Home: lanes.firstElementChild, End: lanes.lastElementChild,
		}[event.key];
		if (!next || here.parentElement !== lanes) return;
		here.tabIndex = -1;
		next.tabIndex = 0;
		next.focus();
		next.scrollIntoView({block: "nearest", inline: "nearest"});
		event.preventDefault();
	});
}
