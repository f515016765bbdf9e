(function(){
"use strict";
if(document.body.hasAttribute("data-replay")){return}
var tag="",failed=0,lost=document.querySelector(".lost");
function ask(){
  fetch(location.href,{headers:tag?{"if-none-match":tag}:{},cache:"no-store",signal:AbortSignal.timeout(5000)}).then(function(answer){
    if(answer.status!==304&&!answer.ok){throw new Error(answer.status)}
    tag=answer.headers.get("etag")||"";
    return answer.status===304?null:answer.text();
  }).then(function(text){
    failed=0;lost.hidden=true;document.body.classList.remove("stale");
    if(!text){return}
    var page=new DOMParser().parseFromString(text,"text/html");
    put(page,"main ul");put(page,".clock");put(page,".proof");
  }).catch(function(){
    failed+=1;
    if(failed<2){return}
    lost.querySelector("b").textContent=document.querySelector(".clock time").textContent;
    lost.hidden=false;document.body.classList.add("stale");
  }).then(function(){setTimeout(ask,2000)});
}
function put(page,which){
  var now=document.querySelector(which),next=page.querySelector(which);
  if(now&&next&&now.outerHTML!==next.outerHTML){now.replaceWith(next)}
}
setTimeout(ask,2000);
})();
